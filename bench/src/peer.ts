import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A process that takes part in a measurement, and speaks JSON, a line each. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(script: URL, options: object) {
    this.#child = spawn(
      process.execPath,
      [
        "--conditions=@stenogrpc/source",
        "--import",
        import.meta.resolve("tsx"),
        script.pathname,
        JSON.stringify(options),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
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
  readonly peakMiB: number;
}

/** What this process has used since `since`, and its peak. */
export function usageSince(since: NodeJS.CpuUsage): Usage {
  const { user, system } = process.cpuUsage(since);
  return { cpuSeconds: (user + system) / 1e6, peakMiB: process.resourceUsage().maxRSS / 1024 };
}
