import { framingOf } from "./link-type.js";
import { FrameReader } from "./stenographer/frame.js";
import { SeenNumbers } from "./stenographer/seen-numbers.js";

/** Bytes of headers that the frame at `frameOffset` begins with; never more than `capturedLength`. Allocates nothing. */
export type HeaderLength = (bytes: Uint8Array, frameOffset: number, capturedLength: number) => number;

/**
 * Makes the function that tells how long a frame's headers are: link layer with VLAN tags and MPLS labels, IP with its
 * options or extension headers, and TCP (with options), UDP, ICMP (8 bytes each) or SCTP (12).
 *
 * In doubt it tells less, so that whoever cuts there keeps no payload. Another protocol, a later fragment, a transport
 * header that is cut or impossible: up to the end of IP. No IP, or an IP header that is cut or impossible, or a
 * fragment header of IPv6 whose reserved byte is set (the index takes it for a length): the link layer's headers, as far as they are whole. A pseudo-wire without IP inside: up to its labels. Inside tunnels everything is payload.
 *
 * @throws UnsupportedLinkTypeError
 */
export function headerLength(linkType: number): HeaderLength {
  const frame = new FrameReader(framingOf(linkType), new SeenNumbers(), new SeenNumbers());
  return (bytes, frameOffset, capturedLength) => {
    frame.read(bytes, frameOffset, capturedLength);
    const end = frameOffset + capturedLength;
    return Math.min(headersEnd(frame, bytes, end), end) - frameOffset;
  };
}

function headersEnd(frame: FrameReader, bytes: Uint8Array, end: number): number {
  const { version, linkEnd, outerLinkEnd, transportStart, isLaterFragment, isOddFragment } = frame;
  if (version === 0 || isOddFragment) return outerLinkEnd;
  if (transportStart < 0 || transportStart > end) return outerLinkEnd;
  if ((bytes[linkEnd] as number) >>> 4 !== version) return outerLinkEnd; // version !== 0: an IP header is there
  if (isLaterFragment) return transportStart;
  const transportEnd = transportStart + transportLength(frame, bytes, end);
  return transportEnd > end ? transportStart : transportEnd;
}

function transportLength(
  { protocol, version, transportStart }: FrameReader,
  bytes: Uint8Array,
  end: number,
): number {
  switch (protocol) {
    case 6: {
      if (transportStart + 20 > end) return 0;
      const length = ((bytes[transportStart + 12] as number) >>> 4) * 4; // compared with the end
      return length < 20 ? 0 : length;
    }
    case 17:
      return 8;
    case 1:
      return version === 4 ? 8 : 0;
    case 58:
      return version === 6 ? 8 : 0;
    case 132:
      return 12;
    default:
      return 0;
  }
}
