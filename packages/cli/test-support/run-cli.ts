import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { inject } from "vitest";
import type {} from "./build-cli.js";

const main = inject("builtCli");

/** How a command line ended. */
interface CliEnd {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The real command line, running. */
export interface RunningCli {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Resolves when stdout or stderr has shown the pattern, rejects when the process ends before. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  readonly end: Promise<CliEnd>;
}

const running = new Set<RunningCli>();

/** Starts the real command line. `readStdout: false` leaves its stdout unread, `stdoutTo` sends it to a file. */
export function startCli(
  args: readonly string[],
  options: { cwd: string; readStdout?: boolean; stdoutTo?: string },
): RunningCli {
  const command = [process.execPath, main, ...args];
  const [program = "", ...rest] =
    options.stdoutTo === undefined
      ? command
      : ["sh", "-c", 'to=$1; shift; exec "$@" > "$to"', "sh", options.stdoutTo, ...command];
  const child = spawn(program, rest, {
    cwd: options.cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout: Buffer[] = [];
  let text = "";
  const lookers = new Set<() => void>();
  const hear = (piece: Buffer): void => {
    text += piece.toString("latin1");
    for (const look of lookers) look();
  };
  if (options.readStdout !== false) {
    child.stdout.on("data", (piece: Buffer) => {
      stdout.push(piece);
      hear(piece);
    });
  }
  let stderr = "";
  child.stderr.on("data", (piece: Buffer) => {
    stderr += piece.toString();
    hear(piece);
  });
  const exit = once(child, options.readStdout === false ? "exit" : "close");
  const end = exit.then((): CliEnd => ({ code: child.exitCode, stdout: Buffer.concat(stdout), stderr }));
  const cli: RunningCli = {
    child,
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(text);
          if (found) resolve(found);
        };
        lookers.add(look);
        look();
        void end.then(() => reject(new Error(`ended without showing ${pattern}:\n${text}`)));
      }),
    end,
  };
  running.add(cli);
  void end.then(() => running.delete(cli));
  return cli;
}

/**
 * Starts the real command line in a terminal, which goes away when `child` is killed. `end` resolves when the command has ended
 * as well, and its exit code, as a shell tells it, is in the file `codeTo`.
 */
export function startInTerminal(
  args: readonly string[],
  options: { cwd: string; codeTo: string },
): { readonly child: ChildProcess; readonly end: Promise<unknown> } {
  const quoted = [process.execPath, main, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`);
  // The shell passes SIGHUP on, as one does, but outlives it. It keeps the pipe, fd 3, open until it has written the code.
  const shell = `trap 'kill -HUP $!' HUP; ${quoted.join(" ")} & wait $!; wait $!; echo $? > '${options.codeTo}'`;
  const child = spawn("script", ["--quiet", "--command", shell, "/dev/null"], {
    cwd: options.cwd,
    env: { ...process.env, SHELL: "/bin/sh" },
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  return { child, end: once(child, "close") };
}

/** Runs the real command line to its end. */
export function runCli(
  args: readonly string[],
  options: { cwd: string; stdoutTo?: string },
): Promise<CliEnd> {
  return startCli(args, options).end;
}

/** Ends what a failed test left running, and tells how many there were. */
export async function endLeftovers(): Promise<number> {
  const left = [...running];
  for (const { child } of left) child.kill("SIGKILL");
  await Promise.all(
    left.map(({ child }) =>
      child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined,
    ),
  );
  return left.length;
}
