import { readdirSync, readFileSync } from "node:fs";

/** A process as /proc shows it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Its arguments, or its name in brackets where it has none (a zombie). */
  readonly command: string;
}

/** The processes that a process has started, and theirs. Zombies count: someone did not wait for them. */
export function childProcesses(pid: number): ProcessInfo[] {
  const all = allProcesses();
  const family = new Set([pid]);
  const found: ProcessInfo[] = [];
  // A child's number can be smaller than its parent's, so until nothing is added.
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false;
    for (const each of all) {
      if (!family.has(each.parent) || family.has(each.pid)) continue;
      family.add(each.pid);
      found.push(each);
      isGrowing = true;
    }
  }
  return found;
}

/** The processes, whoever started them, that have a text in their arguments; this process is left out. */
export function processesMentioning(text: string): ProcessInfo[] {
  return allProcesses().filter(({ pid, command }) => pid !== process.pid && command.includes(text));
}

/** @throws Error naming the processes that `pid` has under it */
export function expectNoChildren(pid: number): void {
  const children = childProcesses(pid);
  if (children.length === 0) return;
  const lines = children.map((each) => `${each.pid} (of ${each.parent}): ${each.command}`);
  throw new Error(`process ${pid} still has children:\n${lines.join("\n")}`);
}

/** The most memory a process has had resident so far, in bytes: VmHWM of proc(5). */
export function peakResidentBytes(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no VmHWM: it has ended`);
  return Number(kibibytes) * 1024;
}

function allProcesses(): ProcessInfo[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.map(readProcess).filter((each) => each !== undefined);
}

function readProcess(name: string): ProcessInfo | undefined {
  try {
    // proc(5): pid (name) state ppid ...; the name may contain blanks and parentheses.
    const stat = readFileSync(`/proc/${name}/stat`, "utf8");
    const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    const shortName = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    return { pid: Number(name), parent: Number(afterName[1]), command: command || `[${shortName}]` };
  } catch {
    return undefined; // it ended meanwhile
  }
}
