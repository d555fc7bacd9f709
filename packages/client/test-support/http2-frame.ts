import { joined } from "./capture.js";

/** An HTTP/2 frame: RFC 9113, section 4.1. */
export interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

export const frameType = {
  data: 0x0,
  headers: 0x1,
  settings: 0x4,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
} as const;
export const frameFlag = { endStream: 0x1, endHeaders: 0x4, padded: 0x8 } as const;

export function encodeFrame({ type, flags, streamId, payload }: Http2Frame): Uint8Array {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return joined([header, payload]);
}
