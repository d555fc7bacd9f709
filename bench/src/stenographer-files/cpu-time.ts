import { readdirSync, readFileSync } from "node:fs";

/** Of Linux, on every machine that Node runs on. */
const ticksPerSecond = 100;

/** Processor time of a process and of the children it has waited for, in seconds so far. proc(5). */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
  return (user + system + childrenUser + childrenSystem) / ticksPerSecond;
}

/** The same of a process and all that run below it. */
export function cpuSecondsOfTree(pid: number): number {
  let sum = cpuSecondsOf(pid);
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ")) {
      if (child.trim() !== "") sum += cpuSecondsOfTree(Number(child));
    }
  }
  return sum;
}
