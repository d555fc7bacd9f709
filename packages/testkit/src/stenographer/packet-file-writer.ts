import { closeSync, openSync, writeSync } from "node:fs";
import type { PlainPacket } from "../oracle/read-pcap.js";

/** Stenographer's reader has this size built in. */
const blockBytes = 1024 * 1024;
const blockHeaderBytes = 48;
/**
 * Where the kernel puts what follows the link header, from the packet's own header: tpacket_rcv() of net/packet/af_packet.c
 * makes room for the packet header, an address and at least 16 bytes in front of it, on a multiple of 16.
 */
const networkOffset = 96;

/**
 * Writes a packet file as stenotype does: blocks of an AF_PACKET ring, TPACKET_V3 (linux/if_packet.h), in the byte order
 * of the machine, which is little-endian here.
 */
export class PacketFileWriter {
  private readonly file: number;
  private readonly block = Buffer.alloc(blockBytes);
  blocks = 0;
  private packets = 0;
  private at = blockHeaderBytes;
  private readonly blocksBefore: number;
  private readonly secondsPerBlock: number;
  /** Time of the block's first packet. */
  private firstNs = 0n;

  /**
   * @param blocksBefore blocks that the same capture has written already: the kernel goes on counting
   * @param secondsPerBlock after which a block ends, full or not
   */
  constructor(path: string, { blocksBefore = 0, secondsPerBlock = Number.POSITIVE_INFINITY } = {}) {
    this.file = openSync(path, "wx", 0o600);
    this.blocksBefore = blocksBefore;
    this.secondsPerBlock = secondsPerBlock;
  }

  /** @returns the packet's position, as the index names it: the offset of its header in the file */
  add(packet: PlainPacket): number {
    const { data, originalLength, timestampNs } = packet;
    const macOffset = networkOffset - linkHeaderBytes(data);
    const need = (macOffset + data.length + 7) & ~7; // V3_ALIGNMENT of af_packet.c
    if (blockHeaderBytes + need > blockBytes)
      throw new Error(`a frame of ${data.length} bytes fits no block`);
    const isOver = Number(timestampNs - this.firstNs) / 1e9 > this.secondsPerBlock;
    if (this.at + need > blockBytes || (isOver && this.packets > 0)) this.endBlock();
    if (this.packets === 0) this.firstNs = timestampNs;
    const seconds = Number(timestampNs / 1_000_000_000n);
    const nanoseconds = Number(timestampNs % 1_000_000_000n);
    const { block, at } = this;
    block.writeUInt32LE(need, at); // tp_next_offset, set in the last packet of a block too
    block.writeUInt32LE(seconds, at + 4);
    block.writeUInt32LE(nanoseconds, at + 8);
    block.writeUInt32LE(data.length, at + 12); // tp_snaplen
    block.writeUInt32LE(originalLength, at + 16);
    block.writeUInt32LE(1, at + 20); // TP_STATUS_USER
    block.writeUInt16LE(macOffset, at + 24);
    block.writeUInt16LE(networkOffset, at + 26);
    data.copy(block, at + macOffset);
    if (this.packets === 0) this.putTime(32, seconds, nanoseconds);
    this.putTime(40, seconds, nanoseconds);
    this.packets++;
    this.at += need;
    return this.blocks * blockBytes + at;
  }

  close(): void {
    if (this.packets > 0) this.endBlock();
    closeSync(this.file);
  }

  private putTime(at: number, seconds: number, nanoseconds: number): void {
    this.block.writeUInt32LE(seconds, at);
    this.block.writeUInt32LE(nanoseconds, at + 4);
  }

  private endBlock(): void {
    const { block } = this;
    block.writeUInt32LE(2, 0); // version
    block.writeUInt32LE(blockHeaderBytes, 4); // offset_to_priv
    block.writeUInt32LE(1, 8); // TP_STATUS_USER
    block.writeUInt32LE(this.packets, 12);
    block.writeUInt32LE(blockHeaderBytes, 16); // offset_to_first_pkt
    block.writeUInt32LE(this.at, 20); // blk_len
    block.writeBigUInt64LE(BigInt(this.blocksBefore + this.blocks + 1), 24); // seq_num
    writeSync(this.file, block);
    block.fill(0);
    this.blocks++;
    this.packets = 0;
    this.at = blockHeaderBytes;
  }
}

/** Ethernet with its VLAN tags, which the kernel counts in; not more of them than fit before the network offset. */
function linkHeaderBytes(frame: Buffer): number {
  let bytes = 14;
  while (bytes < 22 && bytes + 4 <= frame.length && isVlanTag(frame.readUInt16BE(bytes - 2))) bytes += 4;
  return Math.min(bytes, frame.length);
}

function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8;
}
