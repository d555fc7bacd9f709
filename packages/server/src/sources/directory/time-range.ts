import type { CaptureHeader, RecordBatch } from "@stenogrpc/pcap";
import {
  CaptureDecoder,
  CaptureError,
  captureHeaderBytes,
  RecordCursor,
  recordHeaderBytes,
  verify,
} from "@stenogrpc/pcap";
import { GzipDamageError } from "./gunzip-chunks.js";
import type { HeadPrint, OpenCaptureFile, ReadOptions } from "./open-capture-file.js";

const nsPerSecond = 1_000_000_000n;

/** What a file was found to hold. */
export type Finding =
  /** Packets, the earliest at `startsAtNs` and the latest at `endsAtNs`, both included. */
  | {
      readonly kind: "packets";
      readonly header: CaptureHeader;
      readonly startsAtNs: bigint;
      readonly endsAtNs: bigint;
      /** Undefined when the whole file was not read. */
      readonly packets: number | undefined;
      /** How many packets have no time, as those of pcapng's Simple Packet Blocks. */
      readonly timeless: number;
      /** False when the last record is cut, as in a file that is being written. */
      readonly endsWhole: boolean;
      /** Where to go on when the file has grown; undefined when it must be read anew. */
      readonly resume: ResumePoint | undefined;
    }
  /** A capture without a whole record: new, or nothing was captured. */
  | { readonly kind: "no-packets"; readonly header: CaptureHeader | undefined; readonly timeless: number }
  /** Neither pcap nor pcapng. */
  | { readonly kind: "not-a-capture" }
  /** A capture that cannot be read to its end. */
  | {
      readonly kind: "damaged";
      readonly damage: Damage;
      /** Times of the earliest and latest packet before the damage; undefined: none was read. */
      readonly seen: { readonly startsAtNs: bigint; readonly endsAtNs: bigint } | undefined;
    };

export type Packets = Extract<Finding, { kind: "packets" }>;
export type Damaged = Extract<Finding, { kind: "damaged" }>;

/** Why a capture cannot be read on. `message` names a byte and is for the log. */
export interface Damage {
  readonly kind: "corrupt" | "unsupported" | "mixed-link-types";
  readonly message: string;
}

/** The end of the last whole record of a plain pcap file, and what proves later that it is still the same file. */
export interface ResumePoint {
  readonly head: HeadPrint;
  /** Offset behind the last whole record. */
  readonly offset: number;
  /** Offset of that record. */
  readonly lastRecordOffset: number;
  /** The 16 bytes of its header. */
  readonly lastRecordHeader: Uint8Array;
}

/** What is known from an earlier, shorter version of the file. */
type Earlier = Packets;

/**
 * Reads a file's record headers, all of them, and tells its time range.
 *
 * The whole file, since nothing else is sure to see a packet that lies out of order, and two threads or a stepped clock
 * put them there. Where a plain pcap file only grew, just what is new.
 *
 * @throws FileChangedError when the file changes under the reader other than by growing; SourceError "source-failed"
 */
export async function findTimeRange(
  file: OpenCaptureFile,
  options: ReadOptions,
  earlier?: Finding,
): Promise<Finding> {
  const isMore = earlier?.kind === "packets" && (await isContinued(file, earlier));
  return scan(file, options, isMore ? earlier : undefined);
}

/**
 * Reads only as far as the first record that has a time, and takes it as the earliest.
 *
 * @param endsAtNs what to take as the time of the latest packet
 */
export async function peekTimeRange(
  file: OpenCaptureFile,
  options: ReadOptions,
  endsAtNs: bigint,
): Promise<Finding> {
  const decoder = new CaptureDecoder({ onCutTail: () => {} });
  const range = new RangeOfBatches();
  try {
    for await (const batch of verify()(decodeBatches(file, decoder, 0, options, () => {}))) {
      for (let i = 0; i < batch.count && range.bounds() === undefined; i++)
        range.add({ ...batch, offsets: batch.offsets.subarray(i, i + 1), count: 1 });
      if (range.bounds() !== undefined) break;
    }
  } catch (error) {
    return findingOf(error, range, decoder.header);
  }
  const bounds = range.bounds();
  if (bounds === undefined || decoder.header === undefined)
    return { kind: "no-packets", header: decoder.header, timeless: range.timeless };
  const { startsAtNs } = bounds;
  return {
    kind: "packets",
    header: decoder.header,
    startsAtNs,
    endsAtNs: endsAtNs > startsAtNs ? endsAtNs : startsAtNs,
    packets: undefined,
    timeless: range.timeless,
    endsWhole: true,
    resume: undefined,
  };
}

/**
 * The records of a file from an offset on, up to the size it had when it was opened.
 *
 * @param decoder a fresh one; for an offset other than 0 it is fed the file header first
 * @param onCut called when compressed data ends in the middle; for a record the decoder's `onCutTail` is
 */
export async function* decodeBatches(
  file: OpenCaptureFile,
  decoder: CaptureDecoder,
  from: number,
  options: ReadOptions,
  onCut: () => void,
  to: number = file.version.size,
): AsyncGenerator<RecordBatch, void, undefined> {
  if (from > 0) decoder.push(file.head.slice(0, captureHeaderBytes));
  for await (const chunk of file.content(from, to, options, onCut)) {
    yield* decoder.push(chunk);
  }
  decoder.end();
}

async function scan(
  file: OpenCaptureFile,
  options: ReadOptions,
  earlier: Earlier | undefined,
): Promise<Finding> {
  let endsWhole = true;
  const onCut = (): void => {
    endsWhole = false;
  };
  const decoder = new CaptureDecoder({ onCutTail: onCut });
  const range = new RangeOfBatches(earlier);
  const from = earlier?.resume?.offset ?? 0;
  try {
    for await (const batch of verify()(decodeBatches(file, decoder, from, options, onCut))) range.add(batch);
  } catch (error) {
    return findingOf(error, range, decoder.header);
  }
  const { header } = decoder;
  const bounds = range.bounds();
  const { timeless } = range;
  if (bounds === undefined || header === undefined) return { kind: "no-packets", header, timeless };
  return {
    kind: "packets",
    header,
    ...bounds,
    packets: range.packets,
    timeless,
    endsWhole,
    resume: resumePoint(file, range, from > 0 ? from : captureHeaderBytes, earlier),
  };
}

async function isContinued(file: OpenCaptureFile, { resume }: Earlier): Promise<boolean> {
  if (resume === undefined || file.version.size < resume.offset) return false;
  if (file.print(resume.head.bytes).sha256 !== resume.head.sha256) return false;
  const lastRecordHeader = await file.read(resume.lastRecordOffset, recordHeaderBytes);
  return lastRecordHeader !== undefined && Buffer.compare(lastRecordHeader, resume.lastRecordHeader) === 0;
}

function resumePoint(
  file: OpenCaptureFile,
  range: RangeOfBatches,
  recordsFrom: number,
  earlier: Earlier | undefined,
): ResumePoint | undefined {
  if (file.format !== "pcap") return undefined;
  if (range.lastRecordHeader === undefined) return earlier?.resume; // nothing whole was appended
  const offset = recordsFrom + range.recordBytes;
  return {
    head: file.print(),
    offset,
    lastRecordOffset: offset - range.lastRecordBytes,
    lastRecordHeader: range.lastRecordHeader,
  };
}

function findingOf(error: unknown, range: RangeOfBatches, header: CaptureHeader | undefined): Finding {
  if (error instanceof CaptureError && error.kind === "unknown-format") return { kind: "not-a-capture" };
  // Nothing yet, or a file header that is only half there.
  if (error instanceof CaptureError && (error.kind === "empty" || error.kind === "truncated")) {
    return { kind: "no-packets", header, timeless: range.timeless };
  }
  const damage = damageOf(error);
  if (damage === undefined) throw error;
  return { kind: "damaged", damage, seen: range.bounds() };
}

/** What a failed decoding says about the file; undefined when it was not the file's content that failed. */
export function damageOf(error: unknown): Damage | undefined {
  if (error instanceof GzipDamageError) return { kind: "corrupt", message: error.message };
  if (!(error instanceof CaptureError)) return undefined;
  const kind = error.kind === "unsupported" || error.kind === "mixed-link-types" ? error.kind : "corrupt";
  return { kind, message: error.message };
}

/** Collects the earliest and the latest time, without a bigint for each packet. */
class RangeOfBatches {
  packets: number;
  /** Packets at the epoch: libpcap gives it to those that have no time, and nobody captured then. */
  timeless: number;
  /** Bytes of the records added, headers included. */
  recordBytes = 0;
  lastRecordBytes = 0;
  lastRecordHeader: Uint8Array | undefined;
  #minSeconds = Number.POSITIVE_INFINITY;
  #minNanoseconds = 0;
  #maxSeconds = Number.NEGATIVE_INFINITY;
  #maxNanoseconds = 0;

  constructor(earlier?: Earlier) {
    this.packets = earlier?.packets ?? 0;
    this.timeless = earlier?.timeless ?? 0;
    if (earlier === undefined) return;
    this.#minSeconds = Number(earlier.startsAtNs / nsPerSecond);
    this.#minNanoseconds = Number(earlier.startsAtNs % nsPerSecond);
    this.#maxSeconds = Number(earlier.endsAtNs / nsPerSecond);
    this.#maxNanoseconds = Number(earlier.endsAtNs % nsPerSecond);
  }

  add(batch: RecordBatch): void {
    if (batch.count === 0) return;
    const cursor = new RecordCursor(batch);
    for (let i = 0; i < batch.count; i++) {
      cursor.seek(i);
      const { seconds, nanoseconds } = cursor;
      this.recordBytes += recordHeaderBytes + cursor.capturedLength;
      if (seconds === 0 && nanoseconds === 0) {
        this.timeless++;
        continue;
      }
      if (
        seconds < this.#minSeconds ||
        (seconds === this.#minSeconds && nanoseconds < this.#minNanoseconds)
      ) {
        this.#minSeconds = seconds;
        this.#minNanoseconds = nanoseconds;
      }
      if (
        seconds > this.#maxSeconds ||
        (seconds === this.#maxSeconds && nanoseconds > this.#maxNanoseconds)
      ) {
        this.#maxSeconds = seconds;
        this.#maxNanoseconds = nanoseconds;
      }
    }
    this.packets += batch.count;
    this.lastRecordBytes = recordHeaderBytes + cursor.capturedLength;
    this.lastRecordHeader = batch.bytes.slice(cursor.offset, cursor.offset + recordHeaderBytes);
  }

  bounds(): { startsAtNs: bigint; endsAtNs: bigint } | undefined {
    if (this.#minSeconds === Number.POSITIVE_INFINITY) return undefined;
    return {
      startsAtNs: BigInt(this.#minSeconds) * nsPerSecond + BigInt(this.#minNanoseconds),
      endsAtNs: BigInt(this.#maxSeconds) * nsPerSecond + BigInt(this.#maxNanoseconds),
    };
  }
}
