import type { ChunkRun } from "@stenogrpc/pcap";

/** Bytes in front of each gRPC message: a flag, and four bytes of length. */
export const envelopeBytes = 5;

/** Protobuf tags of Response: field number << 3 | 2, for what has a length. */
const uidTag = (1 << 3) | 2;
const pcapTag = (2 << 3) | 2;

/** Messages below this size are copied together: a piece of its own costs a small one more than its copy. */
const smallMessageBytes = 16 * 1024;

/** Of a length below 2^31. */
const mostVarintBytes = 5;

const encoder = new TextEncoder();

/**
 * Frames the messages of one answer that carry only `uid` and `pcap`: puts in front of each chunk the envelope, the uid, and the
 * tag and length of the pcap field. It gives the bytes that protobuf would have encoded.
 */
export class PcapFrames {
  readonly #uidField: Uint8Array;
  readonly #mostPrefixBytes: number;
  /** Memory for small messages, used again. */
  #gathered = new Uint8Array(0);

  constructor(uid: string) {
    this.#uidField = fieldOf(uidTag, encoder.encode(uid));
    this.#mostPrefixBytes = envelopeBytes + this.#uidField.length + 1 + mostVarintBytes;
  }

  /** The messages in pieces, one behind the other. The chunks are not copied where they are large. Good until the next call. */
  of({ bytes, ends }: ChunkRun): readonly Uint8Array[] {
    if (bytes.length < smallMessageBytes * ends.length) return [this.#gather(bytes, ends)];
    const pieces: Uint8Array[] = [];
    let start = 0;
    for (const end of ends) {
      const prefix = new Uint8Array(this.#mostPrefixBytes);
      pieces.push(prefix.subarray(0, this.#writePrefix(prefix, 0, end - start)), bytes.subarray(start, end));
      start = end;
    }
    return pieces;
  }

  #gather(bytes: Uint8Array, ends: readonly number[]): Uint8Array {
    const mostBytes = bytes.length + ends.length * this.#mostPrefixBytes;
    if (this.#gathered.length < mostBytes) this.#gathered = new Uint8Array(mostBytes);
    const target = this.#gathered;
    let start = 0;
    let at = 0;
    for (const end of ends) {
      at = this.#writePrefix(target, at, end - start);
      target.set(bytes.subarray(start, end), at);
      at += end - start;
      start = end;
    }
    return target.subarray(0, at);
  }

  /** Writes what comes before this many bytes of pcap, 1 at least, and gives where it ends. */
  #writePrefix(target: Uint8Array, at: number, pcapBytes: number): number {
    const uidAt = at + envelopeBytes;
    target.set(this.#uidField, uidAt);
    const tagAt = uidAt + this.#uidField.length;
    target[tagAt] = pcapTag;
    const end = writeVarint(target, tagAt + 1, pcapBytes);
    writeEnvelope(target, at, end - uidAt + pcapBytes);
    return end;
  }
}

/** Writes what comes before a message of this many bytes, at most 2^32 - 1. */
export function writeEnvelope(target: Uint8Array, at: number, messageBytes: number): void {
  target[at] = 0; // not compressed
  target[at + 1] = messageBytes >>> 24;
  target[at + 2] = messageBytes >>> 16;
  target[at + 3] = messageBytes >>> 8;
  target[at + 4] = messageBytes;
}

function fieldOf(tag: number, value: Uint8Array): Uint8Array {
  if (value.length === 0) return value;
  const field = new Uint8Array(1 + mostVarintBytes + value.length);
  field[0] = tag;
  const valueAt = writeVarint(field, 1, value.length);
  field.set(value, valueAt);
  return field.subarray(0, valueAt + value.length);
}

/** Writes a number below 2^31 in seven bits a byte, the low ones first, and gives where it ends. */
function writeVarint(target: Uint8Array, at: number, value: number): number {
  let end = at;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) target[end++] = (rest & 0x7f) | 0x80;
  target[end++] = rest;
  return end;
}
