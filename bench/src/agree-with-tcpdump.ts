import { debianProgram } from "@stenogrpc/testkit";
import { timed } from "./timed.js";

/**
 * Holds a number of packets against what tcpdump selects of the file.
 *
 * @throws Error where it is another
 */
export function agreeWithTcpdump(file: string, filter: string | undefined, packets: number): void {
  const asked = filter === undefined ? [] : [filter];
  const { stdout } = timed(debianProgram("tcpdump"), ["-r", file, "--count", ...asked]);
  if (Number.parseInt(stdout, 10) !== packets)
    throw new Error(`tcpdump selects ${stdout.trim()} of ${filter ?? "everything"}, we select ${packets}`);
}
