import { spawnSync } from "node:child_process";

/** What a program took and printed. */
export interface Timed {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly stdout: string;
}

/** Runs a program, with its processor time as the shell tells it. */
export function timed(program: string, args: readonly string[]): Timed {
  const script = 'TIMEFORMAT="%R %U %S"; time "$0" "$@" 2>/dev/null';
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script, program, ...args], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ").slice(0, 200)}: exit ${status}: ${stderr}`);
  const [seconds, user, system] = stderr.trim().split(" ").map(Number) as [number, number, number]; // its format says so
  return { seconds, cpuSeconds: user + system, stdout };
}
