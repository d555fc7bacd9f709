/** What tells a test's TCP packet from the others. */
export interface TcpFrame {
  /** Source address, IPv4. */
  readonly from?: readonly number[];
  readonly fromPort?: number;
  readonly toPort?: number;
  readonly payloadBytes?: number;
  /** Id of a VLAN tag. */
  readonly vlan?: number;
}

/** What every byte of a payload is. */
export const payloadByte = 0xee;

/** An Ethernet frame with IPv4 and TCP, to 192.0.2.1: as much of the headers as a filter reads. */
export function tcpFrame({
  from = [10, 0, 0, 1],
  fromPort = 12_345,
  toPort = 80,
  payloadBytes = 40,
  vlan,
}: TcpFrame = {}): Uint8Array {
  const tag = vlan === undefined ? 0 : 4;
  const frame = new Uint8Array(54 + tag + payloadBytes).fill(payloadByte, 54 + tag);
  const view = new DataView(frame.buffer);
  if (vlan !== undefined) view.setUint32(12, 0x8100_0000 + vlan);
  view.setUint16(12 + tag, 0x0800); // EtherType: IPv4
  frame[14 + tag] = 0x45; // version 4, 20 bytes of header
  frame[23 + tag] = 6; // TCP
  frame.set(from, 26 + tag);
  frame.set([192, 0, 2, 1], 30 + tag);
  view.setUint16(34 + tag, fromPort);
  view.setUint16(36 + tag, toPort);
  frame[46 + tag] = 0x50; // 20 bytes of TCP header
  return frame;
}
