import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What libpcap says to a filter: that it refuses it, or the numbers of the packets it selects. */
export type Answer =
  | { readonly error: string }
  | {
      /** With libpcap's optimizer; null where only that refuses the filter. */
      readonly packets: number[] | null;
      /** Without. */
      readonly plain: number[];
    };

/** The library that tcpdump is linked with, in a process of its own (`libpcap-oracle.py`). */
export class LibpcapOracle {
  readonly #process = spawn("python3", [new URL("libpcap-oracle.py", import.meta.url).pathname], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  readonly #lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();

  async ask(filter: string, file: string): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify({ filter, file })}\n`);
    const { value } = await this.#lines.next();
    return JSON.parse(String(value)) as Answer; // the script says so
  }

  close(): void {
    this.#process.stdin.end();
  }
}
