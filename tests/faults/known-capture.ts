import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

/** Which packets of the capture an answer must have: what the client is held against. */
export interface Truth {
  readonly window: { readonly fromNs: bigint; readonly toNs: bigint };
  readonly packets: number;
  /** Bytes of the pcap, file header included. */
  readonly pcapBytes: number;
  /** Over the records alone: sources differ in the snaplen of the file's header. */
  readonly recordsSha256: string;
}

const fileHeaderBytes = 24;
const recordHeaderBytes = 16;

/** A capture (little-endian, microseconds) of which every byte is known. */
export class KnownCapture {
  readonly bytes: Buffer;
  readonly #offsets: number[] = [];

  constructor(readonly path: string) {
    this.bytes = readFileSync(path);
    for (let at = fileHeaderBytes; at < this.bytes.length; ) {
      this.#offsets.push(at);
      at += recordHeaderBytes + this.bytes.readUInt32LE(at + 8);
    }
    this.#offsets.push(this.bytes.length);
  }

  get packets(): number {
    return this.#offsets.length - 1;
  }

  /** Where a packet's record begins; that of the number after the last is the capture's end. */
  offset(packet: number): number {
    return this.#offsets[packet] as number; // of 0..packets
  }

  timestampNs(packet: number): bigint {
    const at = this.offset(packet);
    return (
      BigInt(this.bytes.readUInt32LE(at)) * 1_000_000_000n + BigInt(this.bytes.readUInt32LE(at + 4)) * 1000n
    );
  }

  /** The truth about the first packets, as far as a window can tell them from the next. */
  first(packets = this.packets): Truth {
    let end = packets;
    while (end < this.packets && this.timestampNs(end) === this.timestampNs(end - 1)) end++;
    const records = this.bytes.subarray(fileHeaderBytes, this.offset(end));
    return {
      window: { fromNs: this.timestampNs(0), toNs: this.timestampNs(end - 1) + 1n },
      packets: end,
      pcapBytes: fileHeaderBytes + records.length,
      recordsSha256: createHash("sha256").update(records).digest("hex"),
    };
  }

  /** Writes a part of it, a fraction to a fraction, as a capture file of its own. */
  writePart(path: string, from: number, to: number): void {
    const [start, end] = [from, to].map((share) => this.offset(Math.round(share * this.packets)));
    writeFileSync(
      path,
      Buffer.concat([this.bytes.subarray(0, fileHeaderBytes), this.bytes.subarray(start, end)]),
    );
  }
}
