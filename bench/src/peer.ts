import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { builtScript } from "./built-script.js";

/** Where the messages of the original contract are made for Python. */
const pythonContract = fileURLToPath(new URL("../../tests/interop/python", import.meta.url));

/** A process that takes part in a measurement, and speaks JSON, a line each. It runs our packages as they are built. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** @param script in TypeScript or Python */
  constructor(script: URL, options: object) {
    const path = fileURLToPath(script);
    const [command, args] = path.endsWith(".py")
      ? ["/usr/bin/python3", [path]]
      : [process.execPath, [builtScript(script)]];
    this.#child = spawn(command, [...args, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, PYTHONPATH: pythonContract, PYTHONDONTWRITEBYTECODE: "1" },
    });
    // None is left behind, however this process ends.
    const end = (): void => void this.#child.kill("SIGKILL");
    process.once("exit", end);
    this.#child.once("exit", () => process.off("exit", end));
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator](); // it is a pipe
  }

  /** The next line it prints. */
  async next<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("a peer ended before it had said what it should");
    return JSON.parse(value) as T; // each script says what it prints
  }

  /** Asks it to end, and gives its last line. */
  async stop<T>(): Promise<T> {
    this.#child.kill("SIGTERM");
    const last = await this.next<T>();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    return last;
  }
}

/** Processor time and memory of a process, as it says itself at its end. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The most memory it had, over what it had before it began. */
  readonly grownMiB: number;
}

/** Measures this process, from when it is made. */
export class UsageMeter {
  readonly #idleBytes = process.memoryUsage.rss();
  #since = process.cpuUsage();

  /** Leaves the processor time until now out; what memory was taken counts. */
  restart(): void {
    this.#since = process.cpuUsage();
  }

  read(): Usage {
    const { user, system } = process.cpuUsage(this.#since);
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    return { cpuSeconds: (user + system) / 1e6, grownMiB: (peakBytes - this.#idleBytes) / 2 ** 20 };
  }
}
