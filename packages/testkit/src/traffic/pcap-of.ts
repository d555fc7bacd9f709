import { type CaptureHeader, LinkType, type PacketToWrite, PcapWriter } from "@stenogrpc/pcap";

/** A classic pcap file in memory. Little endian, microseconds, snaplen 65,535 and Ethernet, unless `header` says otherwise. */
export function pcapOf(packets: Iterable<PacketToWrite>, header: Partial<CaptureHeader> = {}): Buffer {
  const writer = new PcapWriter({
    byteOrder: "little",
    resolution: "microseconds",
    snaplen: 65_535,
    linkType: LinkType.ethernet,
    ...header,
  });
  return Buffer.concat([writer.header(), ...Array.from(packets, (packet) => writer.record(packet))]);
}
