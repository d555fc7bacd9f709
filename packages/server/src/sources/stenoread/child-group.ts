import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A command that runs with its whole family in a process group of its own. */
export interface ChildGroup {
  /** Whether the command runs at all; if not, `exited` rejects with the reason. */
  readonly started: boolean;
  readonly stdout: Readable;
  /** Resolves when the command has ended; rejects where it could not be started. */
  readonly exited: Promise<ChildExit>;
  /** The end of what it wrote to stderr, at most 16 KiB. */
  stderr(): string;
  /** Ends the command and all its descendants: SIGTERM, and SIGKILL after a second. Harmless when they are gone. */
  kill(): void;
}

const stderrKeptBytes = 16 * 1024;
const killAfterMs = 1000;

/** Groups that are alive, so that none outlives this process. */
const alive = new Set<number>();
let guardsExit = false;

/**
 * Starts a command without a shell, in a new process group.
 *
 * A group, since stenoread is a shell script: killing the script leaves curl and tcpdump behind. Its stdin is empty,
 * since `stenoread @-` would read it.
 *
 * @param onFlood called when the command has written more than `floodBytes` to stderr: stenocurl can loop there for ever
 */
export function startChildGroup(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; floodBytes: number; onFlood: () => void },
): ChildGroup {
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.env ? { env: options.env } : {}),
  });
  // "exit", not "close": after a cancel nobody reads stdout, so "close" may never come. And first of all: out of file
  // descriptors, spawn gives a child without pipes, whose error nobody else would take.
  const exited = new Promise<ChildExit>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  exited.catch(() => {}); // whoever needs the outcome waits for it; a kill does not
  const group = child.pid;
  if (group !== undefined) remember(group);
  const stderr = group === undefined ? () => "" : keepTail(child, options);
  let escalation: NodeJS.Timeout | undefined;

  return {
    started: group !== undefined,
    stdout: child.stdout,
    exited,
    stderr,
    kill(): void {
      if (group === undefined) return;
      child.stdout.destroy();
      child.stderr.destroy();
      if (escalation !== undefined || !alive.has(group)) return;
      if (!signalGroup(group, "SIGTERM")) return;
      escalation = setTimeout(() => {
        signalGroup(group, "SIGKILL");
        alive.delete(group);
      }, killAfterMs);
    },
  };
}

function keepTail(
  child: ChildProcessByStdio<null, Readable, Readable>,
  { floodBytes, onFlood }: { floodBytes: number; onFlood: () => void },
): () => string {
  let tail = "";
  let total = 0;
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => {
    total += text.length;
    tail = (tail + text).slice(-stderrKeptBytes);
    if (total > floodBytes) onFlood();
  });
  child.stderr.on("error", () => {}); // destroyed by kill()
  return () => tail;
}

function remember(group: number): void {
  alive.add(group);
  if (guardsExit) return;
  guardsExit = true;
  process.on("exit", () => {
    for (const each of alive) signalGroup(each, "SIGKILL");
  });
}

/** @returns false where nobody of the group is left */
function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    alive.delete(group);
    return false;
  }
}
