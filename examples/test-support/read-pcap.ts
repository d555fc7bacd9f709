import { createHash } from "node:crypto";

/** One packet of a pcap file. */
export interface Packet {
  readonly timestampNs: bigint;
  readonly originalLength: number;
  readonly data: Buffer;
}

/**
 * Reads a little-endian classic pcap file (pcap-savefile(5)), strictly. By itself on purpose: it shares no code with what
 * it is to check.
 */
export function readPcap(file: Buffer): Packet[] {
  const nsPerUnit = { 2712847316: 1000n, 2712812621: 1n }[file.readUInt32LE(0)];
  if (nsPerUnit === undefined) throw new Error("no little-endian pcap file");
  const packets: Packet[] = [];
  let at = 24;
  while (at < file.length) {
    const capturedLength = file.readUInt32LE(at + 8);
    const end = at + 16 + capturedLength;
    if (end > file.length) throw new Error(`the packet at byte ${at} is cut`);
    packets.push({
      timestampNs:
        BigInt(file.readUInt32LE(at)) * 1_000_000_000n + BigInt(file.readUInt32LE(at + 4)) * nsPerUnit,
      originalLength: file.readUInt32LE(at + 12),
      data: file.subarray(at + 16, end),
    });
    at = end;
  }
  return packets;
}

/** SHA-256 over a text with a line for each packet, so that files of different resolution compare. */
export function packetsDigest(packets: readonly Packet[]): string {
  const hash = createHash("sha256");
  for (const { timestampNs, originalLength, data } of packets) {
    hash.update(`${timestampNs} ${originalLength} ${data.toString("hex")}\n`);
  }
  return hash.digest("hex");
}
