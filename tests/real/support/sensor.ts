import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStenographerClient, type NodeStenographerClient } from "@stenogrpc/client/node";
import type { RunningStenographer } from "@stenogrpc/testkit";
import { makeCertificates, type TlsPaths } from "./certificates.js";
import { type RunsOn, type Script, startScript } from "./script.js";
import type { SourceConfig } from "./source-config.js";

/** A folder for one test file, with certificates for both sides. */
export interface Workplace {
  readonly folder: string;
  readonly server: TlsPaths;
  readonly client: TlsPaths;
  path(name: string): string;
  remove(): void;
}

export async function createWorkplace(): Promise<Workplace> {
  const folder = mkdtempSync(join(tmpdir(), "stenogrpc-real-"));
  mkdirSync(join(folder, "tls"));
  return {
    folder,
    ...(await makeCertificates(join(folder, "tls"))),
    path: (name) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Our server in a process of its own. */
export interface Sensor {
  readonly address: string;
  readonly pid: number;
  readonly script: Script;
  /** Its TMPDIR: whatever it or its children leave behind is in here. */
  readonly temporary: string;
  connect(): NodeStenographerClient;
  /**
   * Drains and ends it.
   *
   * @throws Error where it crashed, or had to be killed
   */
  stop(): Promise<void>;
}

let sensors = 0;

export async function startSensor(
  workplace: Workplace,
  source: SourceConfig,
  { limits = {}, runsOn = "sources" }: { limits?: Record<string, number>; runsOn?: RunsOn } = {},
): Promise<Sensor> {
  const temporary = workplace.path(`tmp${++sensors}`);
  mkdirSync(temporary);
  // tsx keeps its cache in TMPDIR, which is no business of the server's.
  const env = { TMPDIR: temporary, TSX_DISABLE_CACHE: "1" };
  const script = startScript("run-server", { source, tls: workplace.server, limits }, runsOn, env);
  const { port } = await script.lineWith("port");
  const address = `127.0.0.1:${port}`;
  return {
    address,
    pid: script.pid,
    script,
    temporary,
    connect: () => createStenographerClient({ server: address, tls: workplace.client }),
    async stop() {
      await script.stop();
      const { exitCode, signalCode } = script.process;
      if (exitCode !== 0) throw new Error(`the server did not end well: ${exitCode ?? signalCode}`);
    },
  };
}

/** The sources of what a real Stenographer has. */
export function stenographerSources(
  daemon: RunningStenographer,
): Record<"stenoread" | "stenographer" | "stenographer-files", SourceConfig> {
  return {
    stenoread: { kind: "stenoread", config: daemon.configPath },
    stenographer: { kind: "stenographer", config: daemon.configPath },
    "stenographer-files": { kind: "stenographer-files", config: daemon.configPath },
  };
}
