/** How the first header of a frame is found. */
export type Framing = "ethernet" | "raw" | "ipv4" | "ipv6" | "linux-sll" | "linux-sll2" | "null" | "loop";

/** Link types by number (LINKTYPE_ and DLT_ values of libpcap) that the matcher reads. */
const framings: ReadonlyMap<number, Framing> = new Map([
  [0, "null"],
  [1, "ethernet"],
  // DLT_RAW is 12 on most systems and 14 on OpenBSD; files should have 101, but not all writers know.
  [12, "raw"],
  [14, "raw"],
  [101, "raw"],
  [108, "loop"],
  [113, "linux-sll"],
  [228, "ipv4"],
  [229, "ipv6"],
  [276, "linux-sll2"],
]);

/** Names for what people are likely to bring, so that the refusal says more than a number. */
const otherNames: ReadonlyMap<number, string> = new Map([
  [6, "Token Ring"],
  [8, "SLIP"],
  [9, "PPP"],
  [10, "FDDI"],
  [50, "PPP in HDLC"],
  [51, "PPPoE"],
  [104, "Cisco HDLC"],
  [105, "IEEE 802.11"],
  [107, "Frame Relay"],
  [117, "OpenBSD pflog"],
  [119, "IEEE 802.11 with Prism header"],
  [127, "IEEE 802.11 with radiotap"],
  [147, "user-defined"],
  [163, "IEEE 802.11 with AVS header"],
  [187, "Bluetooth HCI H4"],
  [189, "USB on Linux"],
  [192, "PPI"],
  [195, "IEEE 802.15.4"],
  [220, "USB on Linux, padded"],
  [227, "CAN"],
  [239, "NFLOG"],
  [249, "USBPcap"],
  [253, "Netlink"],
]);

/** Frames of a link type that filters cannot be applied to. */
export class UnsupportedLinkTypeError extends Error {
  override readonly name = "UnsupportedLinkTypeError";
  readonly kind = "unsupported-link-type";

  constructor(
    /** The link type's number, as in the capture's header. */
    readonly linkType: number,
  ) {
    const name = otherNames.get(linkType);
    super(
      `cannot apply a filter to link type ${linkType}${name === undefined ? "" : ` (${name})`}: ` +
        "it takes Ethernet (1), raw IP (101, 228, 229), Linux cooked (113, 276) and BSD loopback (0, 108)",
    );
  }
}

/** @throws UnsupportedLinkTypeError */
export function framingOf(linkType: number): Framing {
  const framing = framings.get(linkType);
  if (framing === undefined) throw new UnsupportedLinkTypeError(linkType);
  return framing;
}
