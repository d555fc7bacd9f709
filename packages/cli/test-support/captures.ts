import { writeFileSync } from "node:fs";
import { pcapOf } from "@stenogrpc/testkit";

/** A UDP packet of a test capture. */
export interface TestPacket {
  readonly timestampNs: bigint;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly payloadBytes?: number;
  /** Id of a VLAN tag. */
  readonly vlan?: number;
}

/** Writes a classic pcap file of UDP packets and tells its bytes. */
export function writeCapture(file: string, packets: Iterable<TestPacket>): Buffer {
  const records = Array.from(packets, (packet) => {
    const frame = udpFrame(packet);
    const data = packet.vlan === undefined ? frame : tagged(frame, packet.vlan);
    return { timestampNs: packet.timestampNs, data };
  });
  const bytes = pcapOf(records, { resolution: "nanoseconds" });
  writeFileSync(file, bytes);
  return bytes;
}

/** Bytes of an Ethernet frame with IPv4 and UDP around no payload. */
export const emptyFrameBytes = 14 + 20 + 8;

function udpFrame({ source, destination, port, payloadBytes = 0 }: TestPacket): Uint8Array {
  const frame = new Uint8Array(emptyFrameBytes + payloadBytes);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800); // EtherType: IPv4
  view.setUint8(14, 0x45); // version 4, header of five words
  view.setUint16(16, 28 + payloadBytes); // total length
  view.setUint8(22, 64); // time to live
  view.setUint8(23, 17); // protocol: UDP
  frame.set(source.split(".").map(Number), 26);
  frame.set(destination.split(".").map(Number), 30);
  view.setUint16(34, 40_000); // source port
  view.setUint16(36, port); // destination port
  view.setUint16(38, 8 + payloadBytes); // length
  return frame;
}

/** The frame with an 802.1Q tag behind its addresses. */
function tagged(frame: Uint8Array, vlan: number): Uint8Array {
  const addresses = frame.subarray(0, 12);
  return Buffer.concat([addresses, Uint8Array.of(0x81, 0x00, vlan >> 8, vlan & 0xff), frame.subarray(12)]);
}
