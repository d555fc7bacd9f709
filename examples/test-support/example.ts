import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The longest a stop may take: less than what hangs look like here, which are 30 s (a server that waits for a retrieval long
 * over) and 72 s (Fastify, for an idle client), and far more than a slow machine needs.
 */
const longestStopMs = 20_000;

const examples = join(import.meta.dirname, "..");

/** An example under test, as a child process in a process group of its own. */
export interface Example extends AsyncDisposable {
  readonly pid: number;
  /** What it has written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with the match once stdout has it; rejects when the process ends first. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal to the example alone, as `kill` does. */
  signal(name: NodeJS.Signals): void;
  /** Sends a signal to the example and to what it has started, as a terminal does. */
  signalGroup(name: NodeJS.Signals): void;
  /** Sends the signal and resolves with the exit code; rejects where the example hangs on. */
  stop(name: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code when it has ended; null where a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** Starts an example by the `start` script of its package.json. What is still there when the test leaves is killed. */
export function startExample(
  name: string,
  args: readonly string[] = [],
  { cwd = join(examples, name), env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Example {
  const child = spawn(process.execPath, [...startArguments(name), ...args], {
    cwd,
    env: { ...process.env, ...env },
    detached: true, // a process group of its own: whatever it starts can be found and ended
    stdio: ["ignore", "pipe", "pipe"],
  });
  return watch(child, name);
}

/** The arguments of `node` in the start script, made to work in any folder. */
function startArguments(name: string): string[] {
  const manifest: unknown = JSON.parse(readFileSync(join(examples, name, "package.json"), "utf8"));
  const { start } = (manifest as { scripts: { start: string } }).scripts; // our own manifests
  const [node, ...args] = start.split(" ");
  if (node !== "node") throw new Error(`the start script of ${name} runs ${node}, not node`);
  return args.map((arg) => {
    if (arg === "tsx") return import.meta.resolve("tsx");
    return arg.startsWith("src/") ? join(examples, name, arg) : arg;
  });
}

function watch(child: ChildProcess, name: string): Example {
  const pid = child.pid;
  if (pid === undefined || !child.stdout || !child.stderr) throw new Error(`${name} could not be started`);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  // "close", not "exit": then all output is there.
  const exited = once(child, "close").then(([code]) => code as number | null); // Node's type of "close"
  const { stdout } = child;
  return {
    pid,
    exited,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    prints(pattern) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output.stdout);
          if (match) resolve(match);
        };
        stdout.on("data", look);
        look();
        exited.then(() =>
          reject(new Error(`${name} ended before it printed ${pattern}\n${output.stdout}${output.stderr}`)),
        );
      });
    },
    signal: (signal) => void child.kill(signal),
    stop(signal) {
      child.kill(signal);
      return new Promise((resolve, reject) => {
        const hangs = () =>
          reject(new Error(`${name} goes on ${longestStopMs} ms after ${signal}\n${output.stdout}`));
        const timer = setTimeout(hangs, longestStopMs);
        exited.then(resolve, reject).finally(() => clearTimeout(timer));
      });
    },
    signalGroup: (signal) => void process.kill(-pid, signal),
    async [Symbol.asyncDispose]() {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // Nothing is left: as it should be.
      }
      await exited;
    },
  };
}
