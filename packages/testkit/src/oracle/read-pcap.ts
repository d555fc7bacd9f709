import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** One packet of a file, read without any code of @stenogrpc/pcap: this reader is what that code is compared with. */
export interface PlainPacket {
  readonly timestampNs: bigint;
  readonly originalLength: number;
  readonly data: Buffer;
}

/**
 * Reads a whole pcap file, or bytes of one, the slow and obvious way.
 *
 * @throws Error where the bytes are no pcap or end within a record
 */
export function readPcap(file: string | Uint8Array): PlainPacket[] {
  const bytes = typeof file === "string" ? readFileSync(file) : Buffer.from(file);
  const format = formatOf(bytes);
  const packets: PlainPacket[] = [];
  for (let at = 24; at < bytes.length; ) {
    if (at + 16 > bytes.length) throw new Error(`the file ends within the record header at ${at}`);
    const capturedLength = format.uint32(bytes, at + 8);
    const end = at + 16 + capturedLength;
    if (end > bytes.length) throw new Error(`the file ends within the record at ${at}`);
    packets.push(packetAt(bytes, at, end, format));
    at = end;
  }
  return packets;
}

/** Reads a pcap file packet by packet, with memory that does not grow with the file. `data` is a view until the next. */
export function* streamPcap(path: string): Generator<PlainPacket> {
  const file = openSync(path, "r");
  try {
    const header = Buffer.alloc(24);
    readSync(file, header, 0, 24, null);
    const format = formatOf(header);
    let buffer = Buffer.alloc(4 * 1024 * 1024);
    let have = 0;
    for (;;) {
      const got = readSync(file, buffer, have, buffer.length - have, null);
      have += got;
      let at = 0;
      while (at + 16 <= have) {
        const end = at + 16 + format.uint32(buffer, at + 8);
        if (end - at > buffer.length) throw new Error(`a record of ${end - at} bytes`);
        if (end > have) break;
        yield packetAt(buffer, at, end, format);
        at = end;
      }
      buffer.copyWithin(0, at, have);
      have -= at;
      if (got === 0) break;
    }
    if (have > 0) throw new Error(`the file ends within a record: ${have} bytes are left`);
    buffer = Buffer.alloc(0);
  } finally {
    closeSync(file);
  }
}

/** The packets of a window, exactly: startNs <= time < endNs. */
export function withinWindow(
  packets: readonly PlainPacket[],
  window: { readonly startNs: bigint; readonly endNs: bigint },
): PlainPacket[] {
  return packets.filter(({ timestampNs }) => timestampNs >= window.startNs && timestampNs < window.endNs);
}

/** A packet as one line of text, for comparing lists: time, lengths and every byte. */
export function packetLine({ timestampNs, originalLength, data }: PlainPacket): string {
  return `${timestampNs} ${originalLength} ${data.toString("hex")}`;
}

interface Format {
  uint32(bytes: Buffer, at: number): number;
  readonly nanosecondsPerUnit: bigint;
}

function formatOf(bytes: Buffer): Format {
  if (bytes.length < 24) throw new Error(`${bytes.length} bytes are no pcap file`);
  switch (bytes.toString("hex", 0, 4)) {
    case "d4c3b2a1":
      return { uint32: (from, at) => from.readUInt32LE(at), nanosecondsPerUnit: 1000n };
    case "a1b2c3d4":
      return { uint32: (from, at) => from.readUInt32BE(at), nanosecondsPerUnit: 1000n };
    case "4d3cb2a1":
      return { uint32: (from, at) => from.readUInt32LE(at), nanosecondsPerUnit: 1n };
    case "a1b23c4d":
      return { uint32: (from, at) => from.readUInt32BE(at), nanosecondsPerUnit: 1n };
    default:
      throw new Error(`no pcap file: it begins with ${bytes.toString("hex", 0, 4)}`);
  }
}

function packetAt(bytes: Buffer, at: number, end: number, format: Format): PlainPacket {
  return {
    timestampNs:
      BigInt(format.uint32(bytes, at)) * 1_000_000_000n +
      BigInt(format.uint32(bytes, at + 4)) * format.nanosecondsPerUnit,
    originalLength: format.uint32(bytes, at + 12),
    data: bytes.subarray(at + 16, end),
  };
}
