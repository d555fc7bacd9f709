import { join } from "node:path";
import { eventually, type Program, startProgram } from "@stenogrpc/testkit";
import type { TlsPaths } from "../real/support/certificates.js";

/** `stenogrpc serve` in a process of its own. */
export interface Serving {
  readonly pid: number;
  readonly port: number;
  readonly program: Program;
}

const command = join(import.meta.dirname, "../../packages/cli/bin/stenogrpc.js");

/** A settings file of `stenogrpc serve`, which YAML reads as JSON too. */
export function settingsFor(tls: TlsPaths, source: object, more: object = {}): string {
  return JSON.stringify({
    root_certificate: tls.ca,
    private_key: tls.key,
    certificate_chain: tls.cert,
    host: "127.0.0.1",
    port: 0,
    sensor: "faults",
    source,
    // A connection that is dead, and nobody noticed, is found by a PING of the server's: soon, or a run would have to wait for it.
    limits: { idle_timeout: "2s" },
    ...more,
  });
}

/** Starts it; resolves when it listens. Its log goes to a file, its temporary files into a folder. */
export async function startServing(
  settingsPath: string,
  files: { readonly log: string; readonly temporary: string },
  env: Record<string, string> = {},
): Promise<Serving> {
  const program = startProgram(
    process.execPath,
    [command, "serve", "--config", settingsPath, "--log", "json"],
    {
      logPath: files.log,
      env: { TMPDIR: files.temporary, ...env },
    },
  );
  const port = await eventually(
    () => {
      if (!program.isRunning()) throw new Error(`stenogrpc serve ended: ${program.log()}`);
      const found = /^listening on [^ ]+:(\d+) /m.exec(program.log())?.[1];
      return found === undefined ? undefined : Number(found);
    },
    { timeoutMs: 60_000, what: "a server that listens" },
  );
  return { pid: program.pid, port, program };
}
