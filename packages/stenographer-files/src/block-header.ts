import { blockBytes, blockHeaderBytes } from "./format.js";

/** The 48 bytes a block begins with, as far as they matter. */
export interface BlockHeader {
  readonly packets: number;
  /** Where its first packet's header lies, from the block's start. */
  readonly firstOffset: number;
  /** Bytes in use; what lies behind is stale memory of the ring. */
  readonly usedBytes: number;
  /** Counts the blocks that a thread captured since it was started, from 1; 0: whoever wrote the file does not count. */
  readonly sequence: number;
  /** When the kernel opened the block, in microseconds since the epoch. A packet may be stamped a little earlier. */
  readonly firstUs: number;
  /** Time of the last packet, in microseconds since the epoch, rounded up. */
  readonly lastUs: number;
}

const version3 = 2;
const maximumNanoseconds = 999_999_999;

/** Reads a block's header at `at`; a text says why it is none. */
export function readBlockHeader(view: DataView, at: number): BlockHeader | string {
  const version = view.getUint32(at, true);
  if (version !== version3) return `block version ${version} instead of ${version3}`;
  const packets = view.getUint32(at + 12, true);
  const firstOffset = view.getUint32(at + 16, true);
  const usedBytes = view.getUint32(at + 20, true);
  const firstNanoseconds = view.getUint32(at + 36, true);
  const lastNanoseconds = view.getUint32(at + 44, true);
  if (usedBytes < blockHeaderBytes || usedBytes > blockBytes) return `block length ${usedBytes}`;
  if (firstOffset < blockHeaderBytes || firstOffset > usedBytes) return `first packet at ${firstOffset}`;
  if (packets > usedBytes / blockHeaderBytes) return `${packets} packets in ${usedBytes} bytes`;
  if (firstNanoseconds > maximumNanoseconds || lastNanoseconds > maximumNanoseconds) {
    return "a time of more than 999999999 ns";
  }
  return {
    packets,
    firstOffset,
    usedBytes,
    sequence: view.getUint32(at + 24, true) + view.getUint32(at + 28, true) * 2 ** 32,
    firstUs: view.getUint32(at + 32, true) * 1e6 + Math.floor(firstNanoseconds / 1000),
    lastUs: view.getUint32(at + 40, true) * 1e6 + Math.ceil(lastNanoseconds / 1000),
  };
}
