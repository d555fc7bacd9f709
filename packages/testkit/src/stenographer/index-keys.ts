/** Kinds of keys in stenotype's index, index.cc. A key is this byte and the value, big-endian. */
export const keyKind = { version: 0, protocol: 1, port: 2, vlan: 3, ipv4: 4, mpls: 5, ipv6: 6 } as const;

/**
 * Calls `add` for each key under which stenotype indexes an Ethernet frame, as its index.cc does it: garbage ports of
 * later IPv4 fragments included. A key may come twice.
 *
 * @param add gets the kind and where the value lies in the frame, or the value itself
 */
export function forEachIndexKey(frame: Buffer, add: (kind: number, value: Buffer) => void): void {
  const ip = findIp(frame, add);
  if (ip === undefined) return;
  const transport = ip.version === 4 ? readIpv4(frame, ip.at, add) : readIpv6(frame, ip.at, add);
  if (transport === undefined) return;
  const { protocol, at } = transport;
  add(keyKind.protocol, Buffer.of(protocol));
  const headerBytes = protocol === 6 ? 20 : protocol === 17 ? 8 : undefined;
  if (headerBytes === undefined || at + headerBytes > frame.length) return;
  add(keyKind.port, frame.subarray(at, at + 2));
  add(keyKind.port, frame.subarray(at + 2, at + 4));
}

type Add = (kind: number, value: Buffer) => void;

const ethernet = 0;

/** Steps over Ethernet, VLAN tags and MPLS labels to the first IP header. */
function findIp(frame: Buffer, add: Add): { version: 4 | 6; at: number } | undefined {
  let at = 0;
  let type: number = ethernet;
  for (;;) {
    switch (type) {
      case ethernet:
        if (at + 14 > frame.length) return undefined;
        type = frame.readUInt16BE(at + 12);
        at += 14;
        if (type === ethernet) return undefined;
        break;
      case 0x8100:
      case 0x88a8:
      case 0x9100:
      case 0x9200:
      case 0x9300:
        if (at + 4 > frame.length) return undefined;
        add(keyKind.vlan, uint16(frame.readUInt16BE(at) & 0x0fff));
        type = frame.readUInt16BE(at + 2);
        at += 4;
        break;
      case 0x8847:
      case 0x8848: {
        let entry: number;
        do {
          if (at + 5 > frame.length) return undefined;
          entry = frame.readUInt32BE(at);
          add(keyKind.mpls, uint32(entry >>> 12));
          at += 4;
        } while ((entry & 0x100) === 0);
        const version = frame.readUInt8(at) >>> 4;
        if (version === 0) {
          type = ethernet;
          at += 4; // the control word of a pseudo-wire
        } else if (version === 4 || version === 6) {
          return { version, at };
        } else {
          return undefined;
        }
        break;
      }
      case 0x0800:
        return { version: 4, at };
      case 0x86dd:
        return { version: 6, at };
      default:
        return undefined;
    }
  }
}

function readIpv4(frame: Buffer, at: number, add: Add): { protocol: number; at: number } | undefined {
  if (at + 20 > frame.length) return undefined;
  add(keyKind.ipv4, frame.subarray(at + 12, at + 16));
  add(keyKind.ipv4, frame.subarray(at + 16, at + 20));
  const headerBytes = (frame.readUInt8(at) & 15) * 4;
  if (headerBytes < 20) return undefined;
  return { protocol: frame.readUInt8(at + 9), at: at + headerBytes };
}

function readIpv6(frame: Buffer, start: number, add: Add): { protocol: number; at: number } | undefined {
  if (start + 40 > frame.length) return undefined;
  add(keyKind.ipv6, frame.subarray(start + 8, start + 24));
  add(keyKind.ipv6, frame.subarray(start + 24, start + 40));
  let protocol = frame.readUInt8(start + 6);
  let at = start + 40;
  while ([0, 43, 44, 60, 135].includes(protocol)) {
    if (protocol === 44) {
      if (at + 8 > frame.length) return undefined;
      const isLaterFragment = (frame.readUInt16BE(at + 2) & 0xfff8) !== 0;
      if (isLaterFragment) break;
    }
    if (at + 2 > frame.length) return undefined;
    protocol = frame.readUInt8(at);
    at += (frame.readUInt8(at + 1) + 1) * 8;
  }
  return { protocol, at };
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
