import { captureHeaderBytes, PcapWriter } from "@stenogrpc/pcap";

/** A small capture, byte by byte: file header and records apart, so that tests can cut it where they like. */
export interface TestCapture {
  readonly header: Uint8Array;
  readonly records: readonly Uint8Array[];
  readonly timesNs: readonly bigint[];
  /** The whole file. */
  readonly bytes: Uint8Array;
}

/** 2026-07-01T12:00:00Z. */
export const noonNs = 1_782_907_200_000_000_000n;
export const second = 1_000_000_000n;
/** The hour that all test packets lie in. */
export const hour = { from: noonNs, to: noonNs + 3600n * second };

/** `count` packets, one a second from noon on, of `dataBytes` bytes each. */
export function packetsFromNoon(
  count: number,
  dataBytes = 60,
  resolution: "microseconds" | "nanoseconds" = "nanoseconds",
): TestCapture {
  const writer = new PcapWriter({
    byteOrder: "little",
    resolution,
    snaplen: 65_535,
    linkType: 1,
  });
  const finest = resolution === "nanoseconds" ? 1n : 1000n;
  const timesNs = Array.from({ length: count }, (_, i) => noonNs + BigInt(i) * (second + finest));
  const records = timesNs.map((timestampNs, i) =>
    writer.record({ timestampNs, data: new Uint8Array(dataBytes).fill(i) }),
  );
  const header = writer.header();
  return { header, records, timesNs, bytes: joined([header, ...records]) };
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** The bytes in pieces, cut at these places, whatever numbers they are. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
}

export async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const collected: Uint8Array[] = [];
  for await (const piece of pieces) collected.push(piece);
  return collected;
}

export { captureHeaderBytes };
