import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A TCP socket of a process. */
export interface OpenSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: "established" | "listening" | "closing";
}

/** The TCP sockets that a process holds, IPv4 and IPv6: its descriptors, looked up in /proc/PID/net/tcp. */
export function openSockets(pid: number): OpenSocket[] {
  const inodes = socketInodes(pid);
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9] ?? ""))
      .map(([, local = "", remote = "", state = ""]) => ({
        localPort: portOf(local),
        remotePort: portOf(remote),
        // Linux, include/net/tcp_states.h
        state: state === "01" ? "established" : state === "0A" ? "listening" : "closing",
      })),
  );
}

/**
 * How many sockets a process holds whose connection is over: the kernel has taken them out of its tables, for a reset or because both
 * sides have ended, and the process has not closed them.
 */
export function deadSockets(pid: number): number {
  const inodes = socketInodes(pid);
  for (const table of ["tcp", "tcp6", "udp", "udp6", "unix", "netlink", "packet"])
    for (const [word] of readFileSync(`/proc/${pid}/net/${table}`, "utf8").matchAll(/\S+/g))
      inodes.delete(word);
  return inodes.size;
}

/** The numbers of the sockets among a process's descriptors. */
function socketInodes(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${descriptor}`))?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(":") + 1), 16);
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return ""; // closed meanwhile
  }
}
