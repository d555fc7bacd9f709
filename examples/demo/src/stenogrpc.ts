import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** The repository's root: where commands run. */
export const root = join(import.meta.dirname, "../../..");

// The command line from its TypeScript, so that the demo needs no build. Installed, it is just `stenogrpc`.
const cli = [
  "--conditions=@stenogrpc/source",
  "--import",
  import.meta.resolve("tsx"),
  join(root, "packages/cli/src/main.ts"),
];

/** The exit code of a command that Ctrl-C ended. */
export const exitInterrupted = 130;

/** Runs `stenogrpc` in child processes, and ends them on Ctrl-C and when it is disposed. */
export class Stenogrpc implements AsyncDisposable {
  readonly #children = new Set<ChildProcess>();
  #interruptedBy: NodeJS.Signals | undefined;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        this.#interruptedBy ??= signal;
        void this.#endAll();
      });
    }
  }

  /** The signal that ended it early. */
  get interruptedBy(): NodeJS.Signals | undefined {
    return this.#interruptedBy;
  }

  throwIfInterrupted(): void {
    if (this.#interruptedBy) throw new Error(`interrupted by ${this.#interruptedBy}`);
  }

  /** Runs a command to its end. @throws Error with what it wrote, if its exit code is another */
  async run(args: readonly string[], { exitCode = 0 } = {}): Promise<{ stderr: string }> {
    const child = this.#start(args, "pipe");
    const [stderr, code] = await Promise.all([child.stderr ? text(child.stderr) : "", this.#endOf(child)]);
    if (code !== exitCode) throw new Error(`stenogrpc ${args[0]} ended with ${code}:\n${stderr}`);
    return { stderr };
  }

  /** Starts a server, which goes on until the end. Resolves with its first line, when it listens. */
  async serve(args: readonly string[], { log }: { log: string }): Promise<string> {
    const file = openSync(log, "w");
    const child = this.#start(args, file);
    closeSync(file); // the child has its own
    const line = new Promise<string>((resolve) => {
      let output = "";
      child.stdout?.setEncoding("utf8").on("data", (piece: string) => {
        output += piece;
        if (output.includes("\n")) resolve(output.slice(0, output.indexOf("\n")));
      });
    });
    const ended = this.#endOf(child).then((code) => {
      throw new Error(`stenogrpc serve ended with ${code}; see ${log}`);
    });
    return Promise.race([line, ended]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endAll();
  }

  #start(args: readonly string[], stderr: "pipe" | number): ChildProcess {
    this.throwIfInterrupted();
    const child = spawn(process.execPath, [...cli, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", stderr],
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** Its exit code, or its signal's name. @throws Error once Ctrl-C has ended it */
  async #endOf(child: ChildProcess): Promise<number | string> {
    const code = await exitOf(child);
    // A terminal sends Ctrl-C to all its processes at once: a child's end may be seen here before the signal is.
    if (code === "SIGINT" || code === exitInterrupted) this.#interruptedBy ??= "SIGINT";
    this.throwIfInterrupted();
    return code;
  }

  async #endAll(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        const ended = exitOf(child);
        child.kill();
        // The commands end by themselves; this is for one that hangs.
        const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
        await ended;
        clearTimeout(timer);
      }),
    );
  }
}

/** The exit code, or the signal's name. */
async function exitOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = await once(child, "exit");
  return code ?? signal;
}
