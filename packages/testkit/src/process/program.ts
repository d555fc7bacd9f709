import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { debianProgram, systemEnvironment } from "./debian-program.js";

/** A program that runs in the background, with its whole family in a process group of its own. */
export interface Program {
  readonly pid: number;
  /** Whether it still runs. */
  isRunning(): boolean;
  /** What it has written to stdout and stderr. */
  log(): string;
  /** Resolves with its exit code, or with the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends the whole group with SIGKILL and waits for it. */
  kill(): Promise<void>;
}

/** Groups to end when this process does. */
const groups = new Set<number>();
const farewells = new Set<() => void>();
let guardsExit = false;

/**
 * Starts a program that cannot outlive this process: its group is killed on exit, and the kernel kills it
 * (PR_SET_PDEATHSIG) if this process is killed itself.
 *
 * @param logPath gets its stdout and stderr
 */
export function startProgram(
  command: string,
  args: readonly string[],
  options: { logPath: string; env?: Record<string, string>; cwd?: string },
): Program {
  const log = openSync(options.logPath, "w");
  const child = spawn(debianProgram("setpriv"), ["--pdeathsig", "KILL", command, ...args], {
    detached: true,
    stdio: ["ignore", log, log],
    env: systemEnvironment(options.env),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} could not be started`);
  groups.add(pid);
  guardExit();
  const ended = end(child);
  return {
    pid,
    ended,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    log: () => readFileSync(options.logPath, "utf8"),
    async kill() {
      killGroup(pid);
      await ended;
      groups.delete(pid);
    },
  };
}

/**
 * Runs a command to its end.
 *
 * @returns its stdout
 * @throws Error with its stderr where it failed
 */
export function run(command: string, args: readonly string[], env?: Record<string, string>): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    env: systemEnvironment(env),
    maxBuffer: 2 ** 31,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")}: exit ${status}: ${stderr.toString().trim()}`);
  return stdout;
}

/** Calls `farewell` when this process ends, unless what it returns is called before. */
export function onExit(farewell: () => void): () => void {
  farewells.add(farewell);
  guardExit();
  return () => farewells.delete(farewell);
}

async function end(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null]; // of "exit"
  return code ?? signal ?? 0;
}

function guardExit(): void {
  if (guardsExit) return;
  guardsExit = true;
  process.on("exit", () => {
    for (const group of groups) killGroup(group);
    for (const farewell of farewells) farewell();
  });
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // Nobody of it is left.
  }
}
