import { type Capture, mergeByTime, type TimestampResolution, type TimeWindow } from "@stenogrpc/pcap";
import type { FilterNode } from "@stenogrpc/query";
import { captureHeaderOf } from "./block-records.js";
import type { Damage } from "./damage.js";
import { listFiles, type StoredFile, type ThreadFolders } from "./list-files.js";
import { PacketFile } from "./packet-file.js";
import { threadAnswer } from "./thread-answer.js";

/** Where a Stenographer's files are. */
export interface StoreOptions {
  /** Folders of each capture thread. */
  readonly threads: readonly ThreadFolders[];
  /** Whether files that are still being written are read as far as their finished blocks go. Default false. */
  readonly readUnfinished?: boolean;
}

/** Which packets are wanted. */
export interface StoreQuery {
  /** Half-open, nanoseconds since the epoch. */
  readonly window: TimeWindow;
  /** Times in it must be absolute. Undefined: every packet. */
  readonly filter?: FilterNode | undefined;
  /** Default "nanoseconds", as on disk. */
  readonly resolution?: TimestampResolution;
  /** Put the outer VLAN tag, which the kernel took off, back into each frame. Default false. */
  readonly restoreVlanTags?: boolean;
  /** Closes every file when it aborts. */
  readonly signal: AbortSignal;
}

/** An answer under way. */
export interface StoreAnswer extends Capture {
  /** What was found damaged so far; complete after the last batch. The first hundred. */
  readonly damage: readonly Damage[];
  /** How often something was found damaged, whether or not it is in the list. */
  readonly damageCount: { total: number; losing: number };
  /** Names of files that were deleted before they could be read. */
  readonly gone: readonly string[];
}

const mostDamageListed = 100;
/** A packet lies this long before its file's name at most: blocks wait to be handed over (`--blockage_sec`, 10 s). */
const nameSlackUs = 120_000_000;

/** Stenographer's files on this machine, read without the daemon. Never writes, never locks. */
export class StenographerStore {
  readonly #threads: readonly ThreadFolders[];
  readonly #readUnfinished: boolean;

  constructor({ threads, readUnfinished = false }: StoreOptions) {
    this.#threads = threads;
    this.#readUnfinished = readUnfinished;
  }

  /**
   * Starts an answer: a superset of what the window and filter select, merged by time. Packets outside the window and the
   * filter are still to be left out. Rejects where a folder cannot be read.
   */
  async query(query: StoreQuery): Promise<StoreAnswer> {
    const { window, filter, signal, resolution = "nanoseconds", restoreVlanTags = false } = query;
    const form = { resolution, restoreVlanTags };
    const fromUs = Number(window.startNs / 1000n);
    const toUs = Number((window.endNs + 999n) / 1000n);
    const damage: Damage[] = [];
    const damageCount = { total: 0, losing: 0 };
    const gone: string[] = [];
    const onDamage = (found: Damage): void => {
      damageCount.total++;
      if (found.losesPackets) damageCount.losing++;
      if (damage.length < mostDamageListed) damage.push(found);
    };
    const onGone = ({ name }: StoredFile): void => void gone.push(name);
    const lists = await Promise.all(this.#threads.map((folders) => listFiles(folders, this.#readUnfinished)));
    const header = captureHeaderOf(form);
    const inputs = lists.map((list, thread) => {
      const files = mayHold(list, fromUs, toUs);
      const threadQuery = { ...form, thread, files, fromUs, toUs, filter, signal, onDamage, onGone };
      return { open: async () => ({ header, batches: threadAnswer(threadQuery) }) };
    });
    return { header, batches: mergeByTime(header, inputs), damage, damageCount, gone };
  }

  /** Times of the oldest and newest packet in finished files, in microseconds. Undefined: there is none. */
  async extent(): Promise<{ readonly oldestUs: number; readonly newestUs: number } | undefined> {
    let oldestUs = Number.POSITIVE_INFINITY;
    let newestUs = Number.NEGATIVE_INFINITY;
    for (const folders of this.#threads) {
      const files = await listFiles(folders, false);
      for (const order of [files, [...files].reverse()]) {
        const times = await firstTimes(order);
        if (times === undefined) continue;
        oldestUs = Math.min(oldestUs, times.oldestUs);
        newestUs = Math.max(newestUs, times.newestUs);
      }
    }
    return Number.isFinite(oldestUs) ? { oldestUs, newestUs } : undefined;
  }
}

/** The files that may hold packets of a window: a file's packets end about where the next one's begin. */
function mayHold(files: readonly StoredFile[], fromUs: number, toUs: number): StoredFile[] {
  return files.filter(({ createdUs }, i) => {
    const next = files[i + 1]?.createdUs ?? Number.POSITIVE_INFINITY;
    return createdUs - nameSlackUs < toUs && next + nameSlackUs > fromUs;
  });
}

/** Times of the first file in the list that has packets. */
async function firstTimes(
  files: readonly StoredFile[],
): Promise<{ oldestUs: number; newestUs: number } | undefined> {
  for (const { packetsPath } of files) {
    const file = await PacketFile.open(packetsPath).catch(() => undefined); // deleted meanwhile: the next one
    if (file === undefined) continue;
    try {
      const { blocks } = await file.readTable();
      const whole = blocks.filter((block) => typeof block === "object" && block.packets > 0);
      const first = whole[0];
      const last = whole.at(-1);
      if (typeof first === "object" && typeof last === "object") {
        return { oldestUs: first.firstUs, newestUs: last.lastUs };
      }
    } finally {
      await file.close();
    }
  }
  return undefined;
}
