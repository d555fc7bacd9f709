import { resolve } from "node:path";
import { parseOptions, sameType, strictOptions } from "@stenogrpc/options";
import type { RecordBatch } from "@stenogrpc/pcap";
import type { StoreAnswer, StoreOptions, ThreadFolders } from "@stenogrpc/stenographer-files";
import { StenographerStore } from "@stenogrpc/stenographer-files";
import * as z from "zod";
import { MadeOnNeed } from "../made-on-need.js";
import type {
  OpenSource,
  PacketSource,
  RetrievalPlan,
  SourceCost,
  SourceDescription,
} from "../packet-source.js";
import { SourceError } from "../packet-source.js";
import type { SourceOutcome } from "../source-outcome.js";
import { defaultStenographerConfig, readStenographerConfig } from "../stenographer-config.js";

/** The folders of one capture thread. */
export interface ThreadFoldersOptions {
  /** Folder of the thread's packet files. */
  packetsDirectory: string;
  /** Folder of its index files. */
  indexDirectory: string;
}

/** Options of stenographerFilesSource. Without any, the folders are those of /etc/stenographer/config. */
export interface StenographerFilesOptions {
  /** Path of Stenographer's configuration, which names the folders. Default: /etc/stenographer/config. */
  config?: string | undefined;
  /** The folders themselves, one pair a capture thread; the configuration is not read then. Default: the configuration's. */
  threads?: ThreadFoldersOptions[] | undefined;
  /** stenotype's `--fileage_sec`, in seconds, where the configuration is not read or does not say it. Default: 60, as there. */
  fileAgeSeconds?: number | undefined;
  /** stenotype's `--blockage_sec`, in seconds, likewise. Default: 10. */
  blockAgeSeconds?: number | undefined;
  /** Read files that are still being written too, as far as their finished blocks go. Default: false. */
  readUnfinished?: boolean | undefined;
  /** Read files in a thread of its own, which takes less of the processor. Default: true; a bundle has no script for it, and does without. */
  readerThread?: boolean | undefined;
}

const stenographerFilesOptionsSchema = strictOptions({
  config: z.string().min(1).default(defaultStenographerConfig),
  threads: z
    .array(strictOptions({ packetsDirectory: z.string().min(1), indexDirectory: z.string().min(1) }))
    .min(1)
    .optional(),
  fileAgeSeconds: z.int().min(1).optional(),
  blockAgeSeconds: z.int().min(1).optional(),
  readUnfinished: z.boolean().default(false),
  readerThread: z.boolean().default(true),
});
sameType<StenographerFilesOptions, z.input<typeof stenographerFilesOptionsSchema>>(true);

/**
 * Packets from Stenographer's own files, live or copied from a sensor: no daemon, no limit of 15 minutes, no packet missed
 * for the time in a file's name. What damage may have cost, and which part of the window the files can answer for, is in
 * the outcome.
 *
 * @throws OptionsError
 */
export function stenographerFilesSource(options: StenographerFilesOptions = {}): PacketSource {
  const parsed = parseOptions("stenographer-files source", stenographerFilesOptionsSchema, options);
  // The configuration may not be there yet.
  const store = new MadeOnNeed(async () => new StenographerStore(await storeOptions(parsed)));

  async function ask<T>(
    question: (opened: StenographerStore) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    try {
      return await question(await store.get());
    } catch (error) {
      signal?.throwIfAborted();
      throw unavailable(error);
    }
  }

  return {
    kind: "stenographer-files",
    abilities: { index: true, restoreVlanTags: true, resolution: "microseconds" },

    async open(plan: RetrievalPlan, signal: AbortSignal): Promise<OpenSource> {
      const { window, index, restoreVlanTags } = plan;
      const answer = await ask(
        (opened) => opened.query({ window, filter: index, restoreVlanTags, signal }),
        signal,
      );
      const warnings: string[] = [];
      return {
        header: answer.header,
        warnings,
        ownsBytes: true,
        batches: blaming(answer.batches, signal),
        outcome: () => outcomeOf(answer, warnings),
      };
    },

    async describe(): Promise<SourceDescription> {
      const extent = await ask((opened) => opened.extent());
      if (extent === undefined) return {};
      const { oldestUs, newestUs } = extent;
      return { oldestPacketNs: BigInt(oldestUs) * 1000n, newestPacketNs: BigInt(newestUs) * 1000n };
    },

    async estimate({ window }: RetrievalPlan): Promise<SourceCost> {
      return ask((opened) => opened.estimate(window));
    },

    async close(): Promise<void> {
      const opened = await store.ifMade();
      await opened?.close();
    },
  };
}

async function* blaming(
  batches: AsyncIterable<RecordBatch>,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch, void, undefined> {
  try {
    yield* batches;
  } catch (error) {
    signal.throwIfAborted();
    throw new SourceError("source-failed", "a file of Stenographer's could not be read", { cause: error });
  }
}

async function outcomeOf(answer: StoreAnswer, warnings: string[]): Promise<SourceOutcome> {
  const { oldestNs, newestNs, gaps } = await answer.coverage();
  const { total, losing } = answer.damageCount;
  const harmless = total - losing;
  if (harmless > 0) {
    const which = harmless === 1 ? "1 index file is" : `${harmless} index files are`;
    warnings.push(`${which} damaged; the packet files were read whole instead`);
  }
  return {
    coverage: { oldestPacketNs: oldestNs, newestPacketNs: newestNs, gaps },
    damage: answer.damage.map(({ part, what, ...place }) => ({
      ...place,
      what: part === "index" ? `the index: ${what}` : what,
    })),
  };
}

/** Folders and flags from the options, and what they do not say from Stenographer's configuration. */
async function storeOptions(options: z.output<typeof stenographerFilesOptionsSchema>): Promise<StoreOptions> {
  const { config, threads, readUnfinished, readerThread } = options;
  const written = threads === undefined ? await readStenographerConfig(config) : undefined;
  const folders = threads ?? written?.threads ?? [];
  if (folders.length === 0) throw new Error(`${config} names no Threads`);
  return {
    threads: folders.map(absolute),
    readUnfinished,
    readerThread,
    fileAgeSeconds: options.fileAgeSeconds ?? written?.fileAgeSeconds,
    blockAgeSeconds: options.blockAgeSeconds ?? written?.blockageSeconds,
  };
}

function absolute({ packetsDirectory, indexDirectory }: ThreadFolders): ThreadFolders {
  return { packetsDirectory: resolve(packetsDirectory), indexDirectory: resolve(indexDirectory) };
}

function unavailable(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError("source-unavailable", "Stenographer's configuration or folders can't be read", {
    cause: error,
  });
}
