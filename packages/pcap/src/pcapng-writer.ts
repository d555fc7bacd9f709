import type { ByteOrder } from "./capture-header.js";
import { checkOriginalLength, type PacketToWrite } from "./pcap-writer.js";
import { viewOf } from "./record-batch.js";

// Blocks and options: draft-ietf-opsawg-pcapng, sections 3.5 and 4.1 to 4.3.
const optionComment = 1;
const optionApplication = 4;
const optionInterfaceName = 2;
const optionTimestampResolution = 9;

export interface PcapngOptions {
  /** See `LinkType`. */
  linkType: number;
  /** The most bytes a packet was captured with; 0, the default, for no limit. */
  snaplen?: number;
  /** Default "little". */
  byteOrder?: ByteOrder;
  /** About the whole capture. */
  comment?: string;
  /** The program that writes. */
  application?: string;
  /** Where the packets were captured, such as `eth0`. */
  interfaceName?: string;
}

export interface PcapngPacketToWrite extends PacketToWrite {
  /** About this packet; Wireshark shows it. */
  comment?: string;
}

/** Writes pcapng with one interface and nanoseconds, piece by piece: `header()` once, then a `record()` for each packet. */
export class PcapngWriter {
  private readonly options: PcapngOptions;
  private readonly little: boolean;

  /** Throws a RangeError on a link type over 65535 or a snaplen over 4294967295. */
  constructor(options: PcapngOptions) {
    const { linkType, snaplen = 0 } = options;
    if (!Number.isInteger(linkType) || linkType < 0 || linkType > 0xffff)
      throw new RangeError(`link type ${linkType} is not in 0..65535`);
    if (!Number.isInteger(snaplen) || snaplen < 0 || snaplen > 0xffff_ffff)
      throw new RangeError(`snaplen ${snaplen} is not in 0..4294967295`);
    this.options = options;
    this.little = options.byteOrder !== "big";
  }

  /** Section Header and Interface Description: what the file starts with. */
  header(): Uint8Array {
    const { linkType, snaplen = 0, comment, application, interfaceName } = this.options;
    const { little } = this;
    const section = this.block(0x0a0d0d0a, 16, [
      this.textOption(optionComment, comment),
      this.textOption(optionApplication, application),
    ]);
    const sectionView = viewOf(section);
    sectionView.setUint32(8, 0x1a2b3c4d, little);
    sectionView.setUint16(12, 1, little);
    // The length of the section is not known beforehand: -1 (section 4.1).
    sectionView.setBigInt64(16, -1n, little);
    const description = this.block(1, 8, [
      this.textOption(optionInterfaceName, interfaceName),
      this.option(optionTimestampResolution, Uint8Array.of(9)),
    ]);
    const descriptionView = viewOf(description);
    descriptionView.setUint16(8, linkType, little);
    descriptionView.setUint32(12, snaplen, little);
    return concat([section, description]);
  }

  /** One Enhanced Packet Block. Throws a RangeError on a time outside 64 bits, and on data longer than snaplen or `originalLength`. */
  record(packet: PcapngPacketToWrite): Uint8Array {
    const { timestampNs, data, originalLength = data.length, comment } = packet;
    const { snaplen = 0 } = this.options;
    if (timestampNs < 0n || timestampNs >= 1n << 64n)
      throw new RangeError(`timestampNs ${timestampNs} does not fit 64 bits`);
    if (snaplen > 0 && data.length > snaplen)
      throw new RangeError(`packet of ${data.length} bytes is over the snaplen of ${snaplen}`);
    checkOriginalLength(originalLength, data.length);
    const { little } = this;
    const dataBytes = data.length + (-data.length & 3);
    const block = this.block(6, 20 + dataBytes, [this.textOption(optionComment, comment)]);
    const view = viewOf(block);
    view.setUint32(12, Number(timestampNs >> 32n), little);
    view.setUint32(16, Number(timestampNs & 0xffff_ffffn), little);
    view.setUint32(20, data.length, little);
    view.setUint32(24, originalLength, little);
    block.set(data, 28);
    return block;
  }

  /** A block with `fixedBytes` of zeroes, to be filled in from byte 8 on, and the options behind them. */
  private block(type: number, fixedBytes: number, options: readonly Uint8Array[]): Uint8Array {
    const given = concat(options);
    // opt_endofopt is only needed where there are options.
    const optionBytes = given.length === 0 ? 0 : given.length + 4;
    const length = 12 + fixedBytes + optionBytes;
    const block = new Uint8Array(length);
    const view = viewOf(block);
    view.setUint32(0, type, this.little);
    view.setUint32(4, length, this.little);
    block.set(given, 8 + fixedBytes);
    view.setUint32(length - 4, length, this.little);
    return block;
  }

  private textOption(code: number, text: string | undefined): Uint8Array {
    return text === undefined ? new Uint8Array(0) : this.option(code, new TextEncoder().encode(text));
  }

  private option(code: number, value: Uint8Array): Uint8Array {
    if (value.length > 0xffff) throw new RangeError(`option of ${value.length} bytes is over 65535`);
    const bytes = new Uint8Array(4 + value.length + (-value.length & 3));
    const view = viewOf(bytes);
    view.setUint16(0, code, this.little);
    view.setUint16(2, value.length, this.little);
    bytes.set(value, 4);
    return bytes;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
