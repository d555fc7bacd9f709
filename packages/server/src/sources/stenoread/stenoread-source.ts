import { access, constants, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { parseOptions, sameType, strictOptions } from "@stenogrpc/options";
import { stenographerQuery } from "@stenogrpc/query";
import * as z from "zod";
import { errnoOf } from "../../errno.js";
import { decodeOutput } from "../decode-output.js";
import type { OpenSource, PacketSource, RetrievalPlan } from "../packet-source.js";
import { describeDaemon } from "../stenographer/describe-daemon.js";
import { connectStenographer } from "../stenographer/stenographer-connection.js";
import { stenographerOptionsSchema } from "../stenographer/stenographer-options.js";
import type { StenographerConfig } from "../stenographer-config.js";
import {
  defaultStenographerConfig,
  readStenographerConfig,
  unreadableConfig,
} from "../stenographer-config.js";
import type { ChildGroup } from "./child-group.js";
import { startChildGroup } from "./child-group.js";
import { explainExit, explainFlood, explainSpawnError } from "./explain-exit.js";

/** Options of stenoreadSource. */
export interface StenoreadOptions {
  /** The stenoread script. Default: "stenoread", found in PATH. */
  command?: string | undefined;
  /** Path of Stenographer's configuration. Default: what STENOGRAPHER_CONFIG says, or /etc/stenographer/config. */
  config?: string | undefined;
}

const stenoreadOptionsSchema = strictOptions({
  command: z.string().min(1).default("stenoread"),
  config: z.string().min(1).optional(),
});
sameType<StenoreadOptions, z.input<typeof stenoreadOptionsSchema>>(true);

/** In Stenographer's own script. One of the user's may well ask a daemon elsewhere, and need no configuration here. */
const usesStenocurl = /\bstenocurl\b/;

/** Bytes on stderr after which stenoread is taken to be lost: with a wrong configuration stenocurl loops there, at a few KiB a second. */
const floodBytes = 16 * 1024;

/**
 * Packets from Stenographer by its own script: `stenoread QUERY -w -`.
 *
 * The query is printed from the parsed filter and the window, so no client's text reaches the script, which would read
 * files (`@FILE`) and options from it.
 *
 * @throws OptionsError
 */
export function stenoreadSource(options: StenoreadOptions = {}): PacketSource {
  const { command, config } = parseOptions("stenoread source", stenoreadOptionsSchema, options);
  const configPath = config ?? process.env.STENOGRAPHER_CONFIG ?? defaultStenographerConfig;
  const env = { ...process.env, STENOGRAPHER_CONFIG: configPath };
  // For what stenoread can't be asked; connects when it is needed.
  const daemon = connectStenographer(stenographerOptionsSchema.parse({ config: configPath }));

  return {
    kind: "stenoread",
    abilities: { index: true, nanoseconds: false },
    async open(plan: RetrievalPlan, signal: AbortSignal): Promise<OpenSource> {
      const query = stenographerQuery(plan.index, plan.window, await rotationOf(configPath));
      signal.throwIfAborted();
      return decodeOutput("stenoread", runStenoread(command, query, env, signal));
    },
    // stenoread can only be asked for packets; but whether it is there can be seen, and whom it would ask can be asked.
    async describe(signal: AbortSignal) {
      const path = await findCommand(command);
      // A program that may be run need not be open for reading.
      const script = await readFile(path, "latin1").catch(() => "");
      return usesStenocurl.test(script) ? describeDaemon(daemon, signal) : {};
    },
    close: async () => daemon.close(),
  };
}

/**
 * How long stenotype keeps a file open decides how far the query must be widened. Where the configuration is not there, or not for us to
 * read: its defaults.
 */
async function rotationOf(
  configPath: string,
): Promise<Partial<Pick<StenographerConfig, "fileAgeSeconds" | "blockageSeconds">>> {
  return readStenographerConfig(configPath).catch((cause: unknown) => {
    if (errnoOf(cause) !== undefined) return {};
    throw unreadableConfig(cause);
  });
}

/** The path of the command. @throws SourceError where it is not there, or may not be run */
async function findCommand(command: string): Promise<string> {
  const folders = command.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter);
  let failure: unknown;
  for (const folder of folders) {
    try {
      const path = join(folder, command);
      await access(path, constants.X_OK);
      return path;
    } catch (error) {
      failure = error;
    }
  }
  throw explainSpawnError(failure);
}

/** What stenoread writes, to its end; an end that is not a good one throws. */
async function* runStenoread(
  command: string,
  query: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let flooded = false;
  const child: ChildGroup = startChildGroup(command, [query, "-w", "-"], {
    env,
    floodBytes,
    onFlood: () => {
      flooded = true;
      child.kill();
    },
  });
  // On the signal first: while the client does not read, this generator is not resumed and its `finally` does not run.
  const kill = (): void => child.kill();
  signal.addEventListener("abort", kill, { once: true });
  try {
    if (signal.aborted) kill();
    if (child.started) yield* child.stdout as AsyncIterable<Uint8Array>; // no encoding is set, so the pieces are bytes
    const problem = explainExit(await child.exited, child.stderr());
    if (problem) throw problem;
  } catch (error) {
    signal.throwIfAborted();
    if (flooded) throw explainFlood(child.stderr());
    throw child.started ? error : explainSpawnError(error);
  } finally {
    signal.removeEventListener("abort", kill);
    child.kill();
  }
}
