import { decodeCapture, PcapWriter, records, type TimeWindow } from "@stenogrpc/pcap";
import { RequestError } from "../request-error.js";
import { type PacketSource, SourceError } from "../sources/packet-source.js";
import { type Coverage, type CoverageGap, gapsInWindow } from "../sources/source-outcome.js";
import { memorySource } from "./memory-source.js";

/** How a fetch from a test sensor can fail, by the `reason` that its client is told. */
export type TestFailure = keyof typeof failures;

/** A part of time that a test sensor has no packets of. */
export interface TestGap {
  /** Its start, included. */
  readonly from: Date;
  /** Its end, not included. */
  readonly to: Date;
  /** Why there are none: deleted by now, not on disk yet, or never captured. Default: "missing". */
  readonly reason?: CoverageGap["reason"] | undefined;
}

/** A capture that a test sensor has, and how it behaves. */
export interface TestCaptureOptions {
  /** Bytes of the pcap or pcapng file whose packets the sensor has. */
  readonly capture: Uint8Array;
  /** When its last packet is to be; all others keep their distance to it. Default: when it was captured. */
  readonly shiftTo?: Date | undefined;
  /**
   * What the sensor can't answer for. Default: all that is before its first packet ("aged-out") and behind its last one
   * ("not-yet-written"). `[]`: nothing, so that any window is covered.
   */
  readonly gaps?: readonly TestGap[] | undefined;
  /**
   * How fetches fail, as "SOURCE_UNAVAILABLE" or "BUDGET_EXHAUSTED"; or a function that is asked at each, counted from 1, and gives
   * undefined for one that is answered. Default: they don't.
   */
  readonly fail?: TestFailure | ((fetch: number) => TestFailure | undefined) | undefined;
  /** Whether fetches get no answer, until their client leaves or its time is over. Default: false. */
  readonly hang?: boolean | undefined;
}

const failures = {
  SOURCE_UNAVAILABLE: () =>
    new SourceError("source-unavailable", "the test sensor's packets can't be had now"),
  SOURCE_CHANGED: () => new SourceError("source-changed", "the test sensor's packets went away meanwhile"),
  SOURCE_FAILED: () => new SourceError("source-failed", "the test sensor's source failed"),
  SOURCE_CORRUPT: () => new SourceError("source-corrupt", "the test sensor's captures are damaged"),
  SERVER_DRAINING: () => new RequestError("draining", "the test sensor is shutting down"),
  NO_FREE_SLOT: () =>
    new RequestError("no-free-slot", "the test sensor has no place", { retryAfterMs: 1000 }),
  BUDGET_EXHAUSTED: () =>
    new RequestError("budget-exhausted", "the test sensor's budget is used up", { retryAfterMs: 3_600_000 }),
};

/** A source with one capture, that says what it covers, and fails or hangs where a test wants it to. */
export function captureSource(options: TestCaptureOptions): PacketSource {
  const { fail, hang } = options;
  let reading: Promise<Packets> | undefined;
  let fetches = 0;
  const packets = (): Promise<Packets> => {
    reading ??= readPackets(options);
    return reading;
  };
  return {
    kind: "memory",
    async open(plan, signal) {
      fetches++;
      const failure = typeof fail === "function" ? fail(fetches) : fail;
      if (failure !== undefined) throw failures[failure]();
      if (hang) await untilAborted(signal);
      const { bytes, ...extent } = await packets();
      const opened = await memorySource(bytes).open(plan, signal);
      const outcome = () => ({ coverage: coverageOf(plan.window, extent, options.gaps) });
      return { ...opened, outcome };
    },
    async describe() {
      const { oldestPacketNs, newestPacketNs } = await packets();
      return {
        ...(oldestPacketNs !== undefined && { oldestPacketNs }),
        ...(newestPacketNs !== undefined && { newestPacketNs }),
      };
    },
  };
}

interface Extent {
  /** Undefined without any packet. */
  readonly oldestPacketNs: bigint | undefined;
  readonly newestPacketNs: bigint | undefined;
}

interface Packets extends Extent {
  readonly bytes: Uint8Array;
}

async function readPackets({ capture, shiftTo }: TestCaptureOptions): Promise<Packets> {
  const { oldestPacketNs, newestPacketNs } = await extentOf(capture);
  if (shiftTo === undefined || oldestPacketNs === undefined || newestPacketNs === undefined)
    return { bytes: capture, oldestPacketNs, newestPacketNs };
  const byNs = BigInt(shiftTo.getTime()) * 1_000_000n - newestPacketNs;
  return {
    bytes: await shifted(capture, byNs),
    oldestPacketNs: oldestPacketNs + byNs,
    newestPacketNs: newestPacketNs + byNs,
  };
}

async function extentOf(capture: Uint8Array): Promise<Extent> {
  let oldestPacketNs: bigint | undefined;
  let newestPacketNs: bigint | undefined;
  const { batches } = await decodeCapture(whole(capture));
  for await (const { timestampNs } of records(batches)) {
    if (oldestPacketNs === undefined || timestampNs < oldestPacketNs) oldestPacketNs = timestampNs;
    if (newestPacketNs === undefined || timestampNs > newestPacketNs) newestPacketNs = timestampNs;
  }
  return { oldestPacketNs, newestPacketNs };
}

async function shifted(capture: Uint8Array, byNs: bigint): Promise<Uint8Array> {
  const { header, batches } = await decodeCapture(whole(capture));
  const writer = new PcapWriter(header);
  const pieces = [writer.header()];
  for await (const packet of records(batches)) {
    pieces.push(writer.record({ ...packet, timestampNs: packet.timestampNs + byNs }));
  }
  return Buffer.concat(pieces);
}

/** Which part of a window the packets, or the gaps that a test names, cover. */
function coverageOf(window: TimeWindow, extent: Extent, gaps: readonly TestGap[] | undefined): Coverage {
  const { oldestPacketNs, newestPacketNs } = extent;
  const behindNewestNs = newestPacketNs === undefined ? window.startNs : newestPacketNs + 1n;
  const around: CoverageGap[] = [
    { startNs: window.startNs, endNs: oldestPacketNs ?? window.startNs, reason: "aged-out" },
    { startNs: behindNewestNs, endNs: window.endNs, reason: "not-yet-written" },
  ];
  const named = gaps?.map(({ from, to, reason = "missing" }): CoverageGap => {
    return { startNs: nsOf(from), endNs: nsOf(to), reason };
  });
  return { oldestPacketNs, newestPacketNs, gaps: gapsInWindow(named ?? around, window) };
}

function nsOf(time: Date): bigint {
  return BigInt(time.getTime()) * 1_000_000n;
}

/** Rejects when nobody waits for the answer any more. */
async function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
