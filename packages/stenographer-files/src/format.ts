// Stenographer's packet files are rows of blocks of an AF_PACKET ring, TPACKET_V3 (linux/if_packet.h), as stenotype got
// them from the kernel, in the byte order of the sensor; every sensor we know of is little-endian.

/** Size of a block. Stenographer's own reader has it built in. */
export const blockBytes = 1024 * 1024;
/** struct tpacket_block_desc. */
export const blockHeaderBytes = 48;
/** The packet header and a struct sockaddr_ll: a frame never begins before (TPACKET3_HDRLEN, tpacket_rcv()). */
export const leastFrameOffset = 68;
/** Behind a frame, up to the next packet header: the kernel's V3_ALIGNMENT is 8. */
export const mostPadding = 7;
/** A wire length over this is no frame: the longest that Linux hands up (BIG TCP) is half a mebibyte. */
export const mostWireBytes = 1024 * 1024;
/** The most records of a block: each takes its frame offset at least, aligned. */
export const mostRecordsPerBlock = Math.ceil(blockBytes / 72);

/** Of tp_status: the outer VLAN tag was taken off the frame and stands in the header. */
export const vlanValid = 0x10;
/** Of tp_status: so does its Ethernet type; else it was 0x8100. */
export const vlanTpidValid = 0x40;

/** Kinds of keys of an index (index.cc). A key is this byte and the value, big-endian. */
export const keyKind = { version: 0, protocol: 1, port: 2, vlan: 3, ipv4: 4, mpls: 5, ipv6: 6 } as const;
