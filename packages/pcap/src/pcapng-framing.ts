import { CaptureError } from "./capture-error.js";
import { type CaptureHeader, maximumSnaplen, recordHeaderBytes } from "./capture-header.js";
import type { Framing, OpenUnit } from "./framing.js";
import { linkTypeName } from "./link-type.js";
import { PcapngTimestamp } from "./pcapng-timestamp.js";
import { type RecordBatch, viewOf } from "./record-batch.js";

// Block types and layouts: draft-ietf-opsawg-pcapng, section 4 and appendix A (the obsolete Packet Block).
const sectionHeaderBlock = 0x0a0d0d0a;
const interfaceDescriptionBlock = 1;
const packetBlock = 2;
const simplePacketBlock = 3;
const enhancedPacketBlock = 6;
const byteOrderMagic = 0x1a2b3c4d;

const blockHeaderBytes = 8;
const blockTrailerBytes = 4;
const optionEnd = 0;
const optionTimestampResolution = 9;
const optionTimestampOffset = 14;
/** if_tsresol when the option is missing: microseconds. */
const defaultResolution = 6;

/** Options are names and comments: the largest block libpcap reads for its headers (sf-pcapng.c), so the most that is ever buffered for them. */
const maxOptionBytes = 1024 * 1024;
/** A section that describes more is hostile; the obsolete Packet Block could not even number them. */
const maxInterfaces = 65_536;

interface Interface {
  readonly linkType: number;
  readonly snaplen: number;
  readonly timestamp: PcapngTimestamp;
}

/** Whether the four bytes at `offset` start a pcapng file. */
export function startsPcapng(bytes: Uint8Array, offset: number): boolean {
  return viewOf(bytes).getUint32(offset, true) === sectionHeaderBlock; // a palindrome
}

/**
 * pcapng: packet blocks are rewritten to classic records, little-endian and with nanoseconds, in one buffer that is reused.
 *
 * A record is never longer than the block it comes from, so blocks are copied into the buffer as they came, in one go, and the records
 * pulled together in place.
 */
export class PcapngFraming implements Framing {
  header: CaptureHeader | undefined;
  failure: CaptureError | undefined;
  need = blockHeaderBytes;
  skip = 0;

  private readonly maxCapturedLength: number;
  private little = true;
  private inSection = false;
  private interfaces: Interface[] = [];
  /** Of the first interface: what a capture without packets goes by. */
  private firstLinkType: number | undefined;
  /** The block that is being skipped up to its trailer. */
  private skipped: OpenUnit | undefined;

  private buffer = new Uint8Array(0);
  private view = viewOf(this.buffer);
  private used = 0;
  private offsets = new Uint32Array(512);
  private count = 0;

  constructor(maxCapturedLength: number) {
    this.maxCapturedLength = maxCapturedLength;
  }

  get unit(): string {
    return "block";
  }

  get openUnit(): OpenUnit | undefined {
    return this.skipped;
  }

  begin(): void {
    this.used = 0;
    this.count = 0;
  }

  scan(bytes: Uint8Array, from: number, to: number, streamOffset: number): number {
    const base = this.used;
    this.reserve(base + to - from);
    this.buffer.set(bytes.subarray(from, to), base);
    const shift = from - base;
    const end = to - shift;
    let at = base;
    while (true) {
      const skipped = Math.min(this.skip, end - at);
      at += skipped;
      this.skip -= skipped;
      if (this.skip > 0) break;
      const size = this.sizeOfUnit(at, end, streamOffset + shift);
      if (this.failure !== undefined) break;
      if (end - at < size) {
        this.need = size;
        break;
      }
      const problem = this.takeUnit(at, size, streamOffset + shift);
      if (problem !== undefined) {
        this.failure = problem;
        break;
      }
      at += size;
    }
    return at + shift;
  }

  takeCarried(): RecordBatch | undefined {
    // It lies at the front of the buffer already and goes with the chunk's own records.
    return undefined;
  }

  take(): RecordBatch | undefined {
    const { header, offsets, count } = this;
    const bytes = this.buffer.subarray(0, this.used);
    this.used = 0;
    this.count = 0;
    return header === undefined || count === 0 ? undefined : { header, bytes, offsets, count };
  }

  end(): void {
    if (this.firstLinkType !== undefined) this.header ??= this.headerOf(this.firstLinkType);
  }

  /** How many bytes at `at` must be there for `takeUnit`: as far as the bytes up to `end` tell. Sets `failure` on a bad length. */
  private sizeOfUnit(at: number, end: number, streamOffset: number): number {
    if (this.skipped !== undefined) return blockTrailerBytes;
    if (end - at < blockHeaderBytes) return blockHeaderBytes;
    const { view } = this;
    // The block type of a section header reads the same in both byte orders.
    const type = view.getUint32(at, this.little);
    if (type === sectionHeaderBlock) {
      if (end - at < 12) return 12;
      const magic = view.getUint32(at + 8, true);
      if (magic !== byteOrderMagic && view.getUint32(at + 8, false) !== byteOrderMagic) {
        this.failure = corrupt(streamOffset + at + 8, "section header", "has no byte-order magic");
        return 0;
      }
      this.little = magic === byteOrderMagic;
      return this.checkedLength(at, 28, 28 + maxOptionBytes, "section header", streamOffset);
    }
    if (!this.inSection) {
      this.failure = corrupt(streamOffset + at, "block", "stands before the first section header");
      return 0;
    }
    const room = this.maxCapturedLength + 3;
    switch (type) {
      case interfaceDescriptionBlock:
        return this.checkedLength(at, 20, 20 + maxOptionBytes, "interface block", streamOffset);
      case enhancedPacketBlock:
        return this.checkedLength(at, 32, 32 + room + maxOptionBytes, "enhanced packet block", streamOffset);
      case packetBlock:
        return this.checkedLength(at, 32, 32 + room + maxOptionBytes, "packet block", streamOffset);
      case simplePacketBlock:
        return this.checkedLength(at, 16, 16 + room, "simple packet block", streamOffset);
      default:
        // Not for us. Its body is never buffered, so its length needs no ceiling.
        this.checkedLength(at, 12, 0xffff_ffff, "block", streamOffset);
        return blockHeaderBytes;
    }
  }

  /** The block total length at `at`, or a failure when it is not a multiple of 4 within [smallest, largest]. */
  private checkedLength(
    at: number,
    smallest: number,
    largest: number,
    what: string,
    streamOffset: number,
  ): number {
    const length = this.view.getUint32(at + 4, this.little);
    const problem =
      length < smallest
        ? `is under the ${smallest} bytes it needs`
        : length > largest
          ? `is over the ceiling of ${largest}`
          : length % 4 !== 0
            ? "is not a multiple of 4"
            : undefined;
    if (problem === undefined) return length;
    this.failure = corrupt(streamOffset + at, what, `has length ${length}, which ${problem}`);
    return 0;
  }

  private takeUnit(at: number, size: number, streamOffset: number): CaptureError | undefined {
    const { view, little, skipped } = this;
    if (skipped !== undefined) {
      this.skipped = undefined;
      return checkTrailer(
        view.getUint32(at, little),
        skipped.length,
        streamOffset + at,
        skipped.streamOffset,
      );
    }
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    const start = streamOffset + at;
    const known = size === length;
    if (known) {
      const trailerAt = at + length - blockTrailerBytes;
      const problem = checkTrailer(
        view.getUint32(trailerAt, little),
        length,
        streamOffset + trailerAt,
        start,
      );
      if (problem !== undefined) return problem;
    }
    switch (known ? type : undefined) {
      case sectionHeaderBlock:
        return this.startSection(at, start);
      case interfaceDescriptionBlock:
        return this.addInterface(at, length, start);
      case enhancedPacketBlock:
        return this.takePacket(at, length, start, view.getUint32(at + 8, little));
      case packetBlock:
        return this.takePacket(at, length, start, view.getUint16(at + 8, little));
      case simplePacketBlock:
        return this.takeSimplePacket(at, length, start);
      default:
        this.skip = length - blockHeaderBytes - blockTrailerBytes;
        this.skipped = { length, streamOffset: start };
        return undefined;
    }
  }

  private startSection(at: number, start: number): CaptureError | undefined {
    const major = this.view.getUint16(at + 12, this.little);
    const minor = this.view.getUint16(at + 14, this.little);
    // Minor 2 was written by some and means the same (section 4.1).
    if (major !== 1 || (minor !== 0 && minor !== 2))
      return new CaptureError(
        "unsupported",
        start + 12,
        `pcapng version ${major}.${minor} at byte ${start + 12} is not supported, only 1.0`,
      );
    this.inSection = true;
    this.interfaces = [];
    return undefined;
  }

  private addInterface(at: number, length: number, start: number): CaptureError | undefined {
    const { view, little } = this;
    if (this.interfaces.length === maxInterfaces)
      return new CaptureError(
        "unsupported",
        start,
        `interface block at byte ${start} is number ${maxInterfaces + 1} of its section`,
      );
    const linkType = view.getUint16(at + 8, little);
    let resolution = defaultResolution;
    let offsetSeconds = 0;
    const end = at + length - blockTrailerBytes;
    for (let option = at + 16; option < end; ) {
      const code = view.getUint16(option, little); // blocks and options are aligned to 4, so a code and a length fit
      const size = view.getUint16(option + 2, little);
      if (code === optionEnd) break;
      const where = start + option - at;
      if (option + 4 + size > end)
        return corrupt(where, `option ${code}`, `has length ${size} and runs out of its block`);
      if (code === optionTimestampResolution) {
        if (size !== 1) return corrupt(where, "option if_tsresol", `has length ${size} instead of 1`);
        resolution = view.getUint8(option + 4);
      } else if (code === optionTimestampOffset) {
        if (size !== 8) return corrupt(where, "option if_tsoffset", `has length ${size} instead of 8`);
        // Beyond 2^53 it is inexact, and still far outside what a record can hold, which is refused when a packet comes.
        offsetSeconds = Number(view.getBigInt64(option + 4, little));
      }
      option += 4 + size + (-size & 3);
    }
    const snaplen = view.getUint32(at + 12, little);
    this.interfaces.push({ linkType, snaplen, timestamp: new PcapngTimestamp(resolution, offsetSeconds) });
    this.firstLinkType ??= linkType;
    return undefined;
  }

  private headerOf(linkType: number): CaptureHeader {
    return {
      byteOrder: "little",
      resolution: "nanoseconds",
      // Interfaces differ in it, and readers cut records at the header's: so the largest it can be.
      snaplen: Math.max(maximumSnaplen, this.maxCapturedLength),
      linkType,
    };
  }

  private takePacket(
    at: number,
    length: number,
    start: number,
    interfaceId: number,
  ): CaptureError | undefined {
    const { view, little } = this;
    const source = this.interfaces[interfaceId];
    if (source === undefined) return unknownInterface(start, interfaceId);
    const capturedLength = view.getUint32(at + 20, little);
    const problem = this.checkCapturedLength(capturedLength, length - 32, start);
    if (problem !== undefined) return problem;
    const { timestamp } = source;
    timestamp.convert(view.getUint32(at + 12, little), view.getUint32(at + 16, little));
    if (timestamp.seconds < 0 || timestamp.seconds > 0xffff_ffff)
      return new CaptureError(
        "unsupported",
        start,
        `packet at byte ${start} has a time of ${timestamp.seconds} s, which a pcap record cannot hold`,
      );
    const originalLength = view.getUint32(at + 24, little);
    return this.addRecord(
      start,
      source,
      timestamp.seconds,
      timestamp.nanoseconds,
      at + 28,
      capturedLength,
      originalLength,
    );
  }

  private takeSimplePacket(at: number, length: number, start: number): CaptureError | undefined {
    const source = this.interfaces[0];
    if (source === undefined) return unknownInterface(start, 0);
    const originalLength = this.view.getUint32(at + 8, this.little);
    // Its capture length is not written down: the whole packet, or what the interface's snaplen left of it (section 4.4).
    const capturedLength = source.snaplen === 0 ? originalLength : Math.min(originalLength, source.snaplen);
    const problem = this.checkCapturedLength(capturedLength, length - 16, start);
    if (problem !== undefined) return problem;
    // It has no time at all; libpcap gives it the epoch, and so do we.
    return this.addRecord(start, source, 0, 0, at + 12, capturedLength, originalLength);
  }

  private checkCapturedLength(capturedLength: number, room: number, start: number): CaptureError | undefined {
    const problem =
      capturedLength > this.maxCapturedLength
        ? `is over ${this.maxCapturedLength}`
        : capturedLength > room
          ? `is over the ${room} bytes its block has for it`
          : undefined;
    return problem === undefined
      ? undefined
      : corrupt(start, "packet block", `has capture length ${capturedLength}, which ${problem}`);
  }

  private addRecord(
    start: number,
    source: Interface,
    seconds: number,
    nanoseconds: number,
    dataAt: number,
    capturedLength: number,
    originalLength: number,
  ): CaptureError | undefined {
    // Not the first interface's: dumpcap describes all that it listens on, whether packets come from them or not.
    this.header ??= this.headerOf(source.linkType);
    const { header } = this;
    if (source.linkType !== header.linkType)
      return new CaptureError(
        "mixed-link-types",
        start,
        `packet at byte ${start} is ${linkTypeName(source.linkType)} in a capture of ${linkTypeName(header.linkType)}`,
      );
    const { buffer, view, used } = this;
    // Data first: the record's header may lie over the block's beginning, even over a simple packet's data.
    buffer.copyWithin(used + recordHeaderBytes, dataAt, dataAt + capturedLength);
    view.setUint32(used, seconds, true);
    view.setUint32(used + 4, nanoseconds, true);
    view.setUint32(used + 8, capturedLength, true);
    view.setUint32(used + 12, originalLength, true);
    if (this.count === this.offsets.length) {
      const larger = new Uint32Array(this.count * 2);
      larger.set(this.offsets);
      this.offsets = larger;
    }
    this.offsets[this.count++] = used;
    this.used = used + recordHeaderBytes + capturedLength;
    return undefined;
  }

  private reserve(size: number): void {
    if (size <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(size, this.buffer.length * 2));
    larger.set(this.buffer.subarray(0, this.used));
    this.buffer = larger;
    this.view = viewOf(larger);
  }
}

function checkTrailer(trailer: number, length: number, at: number, start: number): CaptureError | undefined {
  return trailer === length
    ? undefined
    : new CaptureError(
        "corrupt",
        at,
        `corrupt block at byte ${start}: length ${length} in front, but ${trailer} at its end (byte ${at})`,
      );
}

function corrupt(at: number, what: string, problem: string): CaptureError {
  return new CaptureError("corrupt", at, `corrupt ${what} at byte ${at}: ${problem}`);
}

function unknownInterface(start: number, interfaceId: number): CaptureError {
  return corrupt(
    start,
    "packet block",
    `names interface ${interfaceId}, which its section has not described`,
  );
}
