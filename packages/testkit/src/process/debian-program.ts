import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Which Debian package has a program. */
const packages = {
  stenographer: "stenographer",
  stenotype: "stenographer",
  stenokeys: "stenographer",
  stenoread: "stenographer-client",
  tcpdump: "tcpdump",
  tcpreplay: "tcpreplay",
  ip: "iproute2",
  setpriv: "util-linux",
  mount: "mount",
  umount: "mount",
  jq: "jq",
  curl: "curl",
  mergecap: "wireshark-common",
  strace: "strace",
  "systemd-analyze": "systemd",
} as const;

/** A program that a test against the real thing needs. */
export type DebianProgram = keyof typeof packages;

/** Where Debian keeps programs for root, which a user's PATH may lack. */
const systemFolders = ["/usr/sbin", "/sbin"];

/**
 * Finds a program.
 *
 * @throws Error naming the Debian package: a missing real thing is a failure, not a reason to skip
 */
export function debianProgram(name: DebianProgram): string {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...systemFolders]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there: the next folder.
    }
  }
  throw new Error(`${name} is missing: apt-get install ${packages[name]}`);
}

/** The environment with the folders of root's programs in PATH. */
export function systemEnvironment(more: Record<string, string> = {}): Record<string, string | undefined> {
  return { ...process.env, PATH: [process.env.PATH, ...systemFolders].join(delimiter), ...more };
}
