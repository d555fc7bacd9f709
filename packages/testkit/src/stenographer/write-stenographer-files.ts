import { join } from "node:path";
import { type PlainPacket, streamPcap } from "../oracle/read-pcap.js";
import { IndexFileWriter } from "./index-file-writer.js";
import { PacketFileWriter } from "./packet-file-writer.js";

interface FileTimes {
  readonly secondsPerFile?: number;
  readonly secondsPerBlock?: number;
}

/**
 * Writes the packet and index files that stenotype would have written, had it captured a pcap file (Ethernet, in order
 * of time). The real stenographer serves them, with the pcap's own times, without root and without a capture.
 *
 * @param secondsPerFile when a new file begins, default 60 as stenotype's `--fileage_sec`
 * @param secondsPerBlock when a new block begins though the last one is not full, as the kernel does it; default never
 * @returns the names of the pairs: microseconds of the first packet
 */
export function writeStenographerFiles(
  pcapPath: string,
  packetsDirectory: string,
  indexDirectory: string,
  { secondsPerFile = 60, secondsPerBlock = Number.POSITIVE_INFINITY }: FileTimes = {},
): string[] {
  const names: string[] = [];
  let pair: FilePair | undefined;
  let blocks = 0;
  for (const packet of streamPcap(pcapPath)) {
    if (pair?.isOver(packet)) {
      blocks += pair.close();
      pair = undefined;
    }
    if (pair === undefined) {
      const ageNs = BigInt(secondsPerFile) * 1_000_000_000n;
      pair = new FilePair(packetsDirectory, indexDirectory, packet, ageNs, {
        blocksBefore: blocks,
        secondsPerBlock,
      });
      names.push(pair.name);
    }
    pair.add(packet);
  }
  pair?.close();
  return names;
}

class FilePair {
  readonly name: string;
  private readonly packets: PacketFileWriter;
  private readonly index = new IndexFileWriter();
  private readonly indexPath: string;
  private readonly firstNs: bigint;

  constructor(
    packetsDirectory: string,
    indexDirectory: string,
    first: PlainPacket,
    private readonly ageNs: bigint,
    blocks: { readonly blocksBefore: number; readonly secondsPerBlock: number },
  ) {
    this.firstNs = first.timestampNs;
    this.name = String(first.timestampNs / 1000n);
    this.packets = new PacketFileWriter(join(packetsDirectory, this.name), blocks);
    this.indexPath = join(indexDirectory, this.name);
  }

  isOver({ timestampNs }: PlainPacket): boolean {
    return timestampNs - this.firstNs > this.ageNs || timestampNs < this.firstNs;
  }

  add(packet: PlainPacket): void {
    this.index.add(packet.data, this.packets.add(packet));
  }

  /** Gives the number of blocks written. */
  close(): number {
    this.packets.close();
    this.index.write(this.indexPath);
    return this.packets.blocks;
  }
}
