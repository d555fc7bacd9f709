/** A TCP segment over IPv4. */
export interface TcpSegment {
  readonly source: string;
  /** What of the payload was captured. */
  readonly payload: Uint8Array;
  /** Its length on the wire, in bytes. */
  readonly payloadLength: number;
}

const etherTypes = { ipv4: 0x0800, vlan: 0x8100, qinq: 0x88a8 };

/** Reads an Ethernet frame, VLAN tags or none. Undefined for all but TCP over IPv4 (RFC 791, RFC 9293). */
export function readTcpSegment(frame: Uint8Array): TcpSegment | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  try {
    let at = 12;
    while ([etherTypes.vlan, etherTypes.qinq].includes(view.getUint16(at))) at += 4;
    if (view.getUint16(at) !== etherTypes.ipv4) return undefined;
    const ip = at + 2;
    const tcp = ip + (view.getUint8(ip) & 0x0f) * 4;
    const fragmentOffset = view.getUint16(ip + 6) & 0x1fff;
    if (view.getUint8(ip + 9) !== 6 || fragmentOffset > 0) return undefined;
    const payload = tcp + (view.getUint8(tcp + 12) >> 4) * 4;
    // By the IP header's length: a short frame is padded.
    const end = ip + view.getUint16(ip + 2);
    return {
      source: frame.subarray(ip + 12, ip + 16).join("."),
      payload: frame.subarray(payload, end),
      payloadLength: end - payload,
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // cut short by the snaplen
    throw error;
  }
}
