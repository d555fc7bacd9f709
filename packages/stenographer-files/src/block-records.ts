import type { CaptureHeader, RecordBatch, TimestampResolution } from "@stenogrpc/pcap";
import type { BlockHeader } from "./block-header.js";
import {
  leastFrameOffset,
  mostPadding,
  mostRecordsPerBlock,
  mostWireBytes,
  vlanTpidValid,
  vlanValid,
} from "./format.js";

const pcapRecordBytes = 16;
const etherAddressesBytes = 12;
const vlanTagBytes = 4;

/** The form of the records that are made. */
export interface RecordForm {
  readonly resolution: TimestampResolution;
  /** Whether to put the outer VLAN tag, which the kernel took off, back into the frame. */
  readonly restoreVlanTags: boolean;
}

/** The capture header that records of this form stand under. */
export function captureHeaderOf({ resolution }: RecordForm): CaptureHeader {
  // 262144: libpcap's largest; a block's frames may be longer than the 65535 that most files say.
  return { byteOrder: "little", resolution, snaplen: 262_144, linkType: 1 };
}

/** The times that a block's packets must lie between, in seconds since the epoch, both included. */
export interface TimeBounds {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/**
 * Makes classic pcap records out of a block's packets, in place: the 16 bytes in front of a frame are the packet's own
 * header and address, already read then (tpacket_rcv() leaves 68 bytes, of which 48 are fields; a record and a tag take 20). Nothing is copied, nothing allocated per packet.
 */
export class RecordMaker {
  count = 0;
  /** Earliest and latest time of the last `makeBlock`, microseconds, the latest rounded up. */
  firstUs = Number.POSITIVE_INFINITY;
  lastUs = Number.NEGATIVE_INFINITY;
  /** Where the problem of the last call lies in the bytes. */
  problemAt = 0;
  /** Bytes that the last packet takes, from its header on. */
  recordBytes = 0;

  private readonly unitNs: number;
  private readonly header: CaptureHeader;

  /** @param offsets where the records of the last call start */
  constructor(
    private readonly form: RecordForm,
    readonly offsets: Uint32Array = new Uint32Array(mostRecordsPerBlock),
  ) {
    this.header = captureHeaderOf(form);
    this.unitNs = form.resolution === "nanoseconds" ? 1 : 1000;
  }

  /** Whether there is no room for a further record. */
  get isFull(): boolean {
    return this.count >= this.offsets.length;
  }

  clear(): void {
    this.count = 0;
  }

  /** All records of a block that lies in `bytes` from 0 on. Gives what is wrong with it, or undefined if it is whole. */
  makeBlock(
    bytes: Uint8Array,
    view: DataView,
    block: BlockHeader,
    bounds: TimeBounds | undefined,
  ): string | undefined {
    this.count = 0;
    this.firstUs = Number.POSITIVE_INFINITY;
    this.lastUs = Number.NEGATIVE_INFINITY;
    const { usedBytes, packets } = block;
    let at = block.firstOffset;
    for (let left = packets; left > 0; left--) {
      const problem = this.makeRecord(bytes, view, at, usedBytes, left === 1, bounds);
      if (problem !== undefined) return problem;
      at += this.recordBytes;
    }
    if (usedBytes - at > mostPadding) {
      this.problemAt = at;
      return `${usedBytes - at} bytes are left behind the last of ${packets} packets`;
    }
    return undefined;
  }

  /**
   * Makes the record of the packet whose header lies at `at`; `end` is where the bytes or its block end.
   *
   * The kernel sets tp_next_offset to the frame's end, aligned (prb_fill_curr_block()): so three fields vouch for each
   * other. Gives what is wrong with it, or undefined.
   */
  makeRecord(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    end: number,
    isLast: boolean,
    bounds: TimeBounds | undefined,
  ): string | undefined {
    this.problemAt = at;
    if (at + leastFrameOffset > end) return "a packet header that does not fit its block";
    const next = view.getUint32(at, true);
    const seconds = view.getUint32(at + 4, true);
    const nanoseconds = view.getUint32(at + 8, true);
    const captured = view.getUint32(at + 12, true);
    const wire = view.getUint32(at + 16, true);
    const frameOffset = view.getUint16(at + 24, true);
    const size = frameOffset + captured;
    if (frameOffset < leastFrameOffset) return `a frame at ${frameOffset} of its packet`;
    if (at + size > end) return `a packet of ${size} bytes that does not fit its block`;
    if (
      !(isLast && next === 0) &&
      (next < size || next - size > mostPadding || at + next > end + mostPadding)
    ) {
      return `a packet of ${size} bytes with the next one ${next} bytes on`;
    }
    if (captured > wire || wire > mostWireBytes) return `${captured} bytes captured of ${wire}`;
    if (nanoseconds > 999_999_999) return "a time of more than 999999999 ns";
    if (bounds !== undefined && (seconds < bounds.fromSeconds || seconds > bounds.toSeconds)) {
      return `a time, second ${seconds}, outside its block's`;
    }
    this.recordBytes = next === 0 ? size : next;
    const us = seconds * 1e6 + nanoseconds / 1000;
    if (us < this.firstUs) this.firstUs = Math.floor(us);
    if (us > this.lastUs) this.lastUs = Math.ceil(us);
    this.write(bytes, view, at, at + frameOffset, seconds, nanoseconds, captured, wire);
    return undefined;
  }

  /** The records made so far, as a batch over `bytes`. */
  batch(bytes: Uint8Array): RecordBatch {
    return { header: this.header, bytes, offsets: this.offsets, count: this.count };
  }

  private write(
    bytes: Uint8Array,
    view: DataView,
    packetAt: number,
    frameAt: number,
    seconds: number,
    nanoseconds: number,
    captured: number,
    wire: number,
  ): void {
    let record = frameAt - pcapRecordBytes;
    let added = 0;
    if (this.form.restoreVlanTags && captured >= etherAddressesBytes) {
      const status = view.getUint32(packetAt + 20, true);
      if ((status & vlanValid) !== 0) {
        const tci = view.getUint16(packetAt + 32, true);
        const type = (status & vlanTpidValid) !== 0 ? view.getUint16(packetAt + 36, true) : 0x8100;
        bytes.copyWithin(frameAt - vlanTagBytes, frameAt, frameAt + etherAddressesBytes);
        view.setUint16(frameAt + 8, type);
        view.setUint16(frameAt + 10, tci);
        record -= vlanTagBytes;
        added = vlanTagBytes;
      }
    }
    view.setUint32(record, seconds, true);
    view.setUint32(record + 4, this.unitNs === 1 ? nanoseconds : (nanoseconds / this.unitNs) | 0, true);
    view.setUint32(record + 8, captured + added, true);
    view.setUint32(record + 12, wire + added, true);
    this.offsets[this.count++] = record;
  }
}
