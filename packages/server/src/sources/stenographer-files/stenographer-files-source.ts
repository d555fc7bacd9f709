import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseOptions, strictOptions } from "@stenogrpc/options";
import type { RecordBatch } from "@stenogrpc/pcap";
import type { StoreAnswer, ThreadFolders } from "@stenogrpc/stenographer-files";
import { StenographerStore } from "@stenogrpc/stenographer-files";
import { z } from "zod";
import type { OpenSource, PacketSource, RetrievalPlan, SourceDescription } from "../packet-source.js";
import { SourceError } from "../packet-source.js";
import { defaultStenographerConfig } from "../stenographer-config.js";

const threadSchema = strictOptions({
  /** Folder of the thread's packet files. */
  packetsDirectory: z.string().min(1),
  /** Folder of its index files. */
  indexDirectory: z.string().min(1),
});

/** Options of stenographerFilesSource. Without any, the folders are those of /etc/stenographer/config. */
export const stenographerFilesOptionsSchema = strictOptions({
  /** Path of Stenographer's configuration, which names the folders. Default: /etc/stenographer/config. */
  config: z.string().min(1).default(defaultStenographerConfig),
  /** The folders themselves, one pair a capture thread; the configuration is not read then. */
  threads: z.array(threadSchema).min(1).optional(),
  /** Read files that are still being written too, as far as their finished blocks go. Default false. */
  readUnfinished: z.boolean().default(false),
});

export type StenographerFilesOptions = z.input<typeof stenographerFilesOptionsSchema>;

/**
 * Packets from Stenographer's own files, live or copied from a sensor: no daemon, no limit of 15 minutes, no packet missed
 * for the time in a file's name. An answer that damage may have cost packets fails with "source-corrupt" at its end.
 *
 * @throws OptionsError
 */
export function stenographerFilesSource(options: StenographerFilesOptions = {}): PacketSource {
  const { config, threads, readUnfinished } = parseOptions(
    "stenographer-files source",
    stenographerFilesOptionsSchema,
    options,
  );
  const openStore = async (): Promise<StenographerStore> => {
    const folders = threads ?? (await readThreads(config));
    return new StenographerStore({ threads: folders.map(absolute), readUnfinished });
  };

  return {
    kind: "stenographer-files",

    async open({ window, filter }: RetrievalPlan, signal: AbortSignal): Promise<OpenSource> {
      const warnings: string[] = [];
      try {
        const store = await openStore();
        const answer = await store.query({ window, filter, resolution: "microseconds", signal });
        return { header: answer.header, warnings, batches: faithful(answer, warnings, signal) };
      } catch (error) {
        signal.throwIfAborted();
        throw unavailable(error);
      }
    },

    async describe(): Promise<SourceDescription> {
      try {
        const extent = await (await openStore()).extent();
        if (extent === undefined) return {};
        const { oldestUs, newestUs } = extent;
        return { oldestPacketNs: BigInt(oldestUs) * 1000n, newestPacketNs: BigInt(newestUs) * 1000n };
      } catch (error) {
        throw unavailable(error);
      }
    },
  };
}

/** Passes the batches on, and fails where packets may be missing: an answer must not end as if it were complete. */
async function* faithful(
  answer: StoreAnswer,
  warnings: string[],
  signal: AbortSignal,
): AsyncGenerator<RecordBatch, void, undefined> {
  try {
    yield* answer.batches;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SourceError) throw error;
    throw new SourceError("source-failed", "a file of Stenographer's could not be read", { cause: error });
  }
  const { total, losing } = answer.damageCount;
  if (losing > 0) {
    throw new SourceError("source-corrupt", "packet files that may hold wanted packets are damaged", {
      details: { damage: answer.damage.slice(0, 10), count: losing },
    });
  }
  if (answer.gone.length > 0) {
    throw new SourceError("source-changed", "packet files aged out while they were needed; ask again", {
      details: { files: answer.gone },
    });
  }
  if (total > 0) {
    warnings.push(
      `${total === 1 ? "1 index file is" : `${total} index files are`} damaged; the packet files were read whole instead`,
    );
  }
}

const configSchema = z.object({
  Threads: z
    .array(z.object({ PacketsDirectory: z.string().min(1), IndexDirectory: z.string().min(1) }))
    .min(1),
});

async function readThreads(path: string): Promise<ThreadFolders[]> {
  const { Threads } = configSchema.parse(JSON.parse(await readFile(path, "utf8")));
  return Threads.map(({ PacketsDirectory, IndexDirectory }) => ({
    packetsDirectory: PacketsDirectory,
    indexDirectory: IndexDirectory,
  }));
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
