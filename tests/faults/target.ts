import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createStenographerClient, type NodeStenographerClient } from "@stenogrpc/client/node";
import {
  childProcesses,
  deadSockets,
  eventually,
  openFilesBelow,
  openSockets,
  temporaryFiles,
} from "@stenogrpc/testkit";
import type { Workplace } from "../real/support/sensor.js";
import { attempt } from "./attempt.js";
import type { Truth } from "./known-capture.js";
import { type Serving, startServing } from "./serve.js";

/** What a server's process has had resident, in bytes. */
export interface MemoryUse {
  /** After its first answer. */
  floor: number;
  /** After its latest. */
  last: number;
  peak: number;
}

/** A server that faults are made for: started on need, kept for the next run, started again where it died. */
export class Target {
  readonly memory: MemoryUse = { floor: 0, last: 0, peak: 0 };
  /** What servers that died wrote last. */
  readonly lastWords: string[] = [];
  #serving: Serving | undefined;
  #starts = 0;
  readonly #temporary: string;
  readonly #settingsPath: string;
  readonly #logs: string;

  constructor(
    readonly name: string,
    private readonly workplace: Workplace,
    settings: string,
    private readonly options: {
      /** Folders in which it may not keep a file open. */
      readonly captures: readonly string[];
      /** A port to which it may keep connections for the next query. */
      readonly daemonPort?: number;
      readonly env?: Record<string, string>;
    },
  ) {
    this.#logs = `${workplace.folder}-logs`;
    this.#temporary = workplace.path(`tmp-${name}`);
    this.#settingsPath = workplace.path(`${name}.yaml`);
    for (const folder of [this.#temporary, this.#logs]) mkdirSync(folder, { recursive: true });
    writeFileSync(this.#settingsPath, settings);
  }

  /** The running server. */
  async serving(): Promise<Serving> {
    if (this.#serving?.program.isRunning()) return this.#serving;
    if (this.#serving !== undefined) this.lastWords.push(this.#serving.program.log().slice(-2000));
    const log = `${this.#logs}/${this.name}-${++this.#starts}.log`;
    this.#serving = await startServing(
      this.#settingsPath,
      { log, temporary: this.#temporary },
      this.options.env,
    );
    return this.#serving;
  }

  /** A client of it, or of what stands before it. Windows are small, so that little is under way when something breaks. */
  async connect(port?: number): Promise<NodeStenographerClient> {
    return createStenographerClient({
      server: `127.0.0.1:${port ?? (await this.serving()).port}`,
      tls: this.workplace.client,
      streamWindowBytes: 128 * 1024,
      connectionWindowBytes: 256 * 1024,
      retryForMs: 0,
    });
  }

  /**
   * Holds that it serves the next request byte by byte, and that nothing of the one before is left.
   *
   * @returns milliseconds until it did
   * @throws Error saying what is not as it should be
   */
  async recover(truth: Truth): Promise<number> {
    const startedAt = performance.now();
    const client = await this.connect();
    try {
      const next = await attempt(client, truth, {});
      if (next.said !== "complete" || !next.isWhole)
        throw new Error(`the next request: ${next.said}, ${next.pcapBytes} of ${truth.pcapBytes} bytes`);
    } finally {
      await client.close();
    }
    const recoveryMs = performance.now() - startedAt;
    const { pid } = await this.serving();
    let left: string[] = [];
    const isClean = (): boolean => {
      left = this.#leftovers(pid);
      return left.length === 0;
    };
    await eventually(isClean, { timeoutMs: 20_000 }).catch(() => {
      throw new Error(`left over: ${left.join(", ")}`);
    });
    this.#weigh(pid);
    return recoveryMs;
  }

  async stop(): Promise<void> {
    await this.#serving?.program.kill();
  }

  #leftovers(pid: number): string[] {
    const { captures, daemonPort } = this.options;
    const { port } = this.#serving as Serving; // it has just been asked
    const dead = deadSockets(pid);
    const sockets = openSockets(pid).filter(({ state }) => state !== "listening");
    return [
      ...childProcesses(pid).map(({ command }) => `process ${command}`),
      ...sockets
        .filter(({ localPort }) => localPort === port)
        .map(({ remotePort }) => `connection from ${remotePort}`),
      ...sockets
        .filter(({ localPort, remotePort }) => localPort !== port && remotePort !== daemonPort)
        .map(({ remotePort }) => `connection to ${remotePort}`),
      ...(dead > 0 ? [`${dead} sockets of connections that are over`] : []),
      ...captures.flatMap((folder) => openFilesBelow(pid, folder)).map((path) => `open file ${path}`),
      ...temporaryFiles(this.#temporary).map((path) => `temporary file ${path}`),
    ];
  }

  #weigh(pid: number): void {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const bytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
    const { memory } = this;
    memory.last = bytes("VmRSS");
    if (memory.floor === 0) memory.floor = memory.last;
    memory.peak = Math.max(memory.peak, bytes("VmHWM"));
    if (memory.last > mostMemoryBytes)
      throw new Error(`${Math.round(memory.last / 2 ** 20)} MiB resident after the run`);
  }
}

/** What a server may hold when it has nothing to do: V8 gives little back by itself. */
const mostMemoryBytes = 300 * 1024 * 1024;
