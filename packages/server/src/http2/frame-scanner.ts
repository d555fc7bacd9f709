/** Bytes in front of each HTTP/2 frame: length (3), type, flags, stream (4). RFC 9113, section 4.1. */
export const frameHeaderBytes = 9;

/** The types of frames that matter here, and the flags that they have (RFC 9113, section 6). */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  rstStream: 0x3,
  settings: 0x4,
  ping: 0x6,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;
export const endStreamFlag = 0x1;
export const ackFlag = 0x1;
export const endHeadersFlag = 0x4;

/** What stands in front of a frame. */
export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** Bytes of payload. */
  readonly length: number;
}

/** What a scan tells as it goes. */
export interface FrameVisitor {
  /** A frame begins; `bytes` is its header, in memory that is used again after the call. */
  begin(head: FrameHead, bytes: Uint8Array): void;
  /** Some of its payload: `bytes[start, end)`. */
  payload(bytes: Uint8Array, start: number, end: number): void;
  /** The frame has ended. */
  end(head: FrameHead): void;
}

/** Finds the frames in HTTP/2 that comes in pieces of any size. */
export class FrameScanner {
  readonly #visitor: FrameVisitor;
  readonly #header = new Uint8Array(frameHeaderBytes);
  #filled = 0;
  #head: FrameHead | undefined;
  #left = 0;

  constructor(visitor: FrameVisitor) {
    this.#visitor = visitor;
  }

  /** Whether the next byte begins a frame. */
  get isBetweenFrames(): boolean {
    return this.#filled === 0 && this.#head === undefined;
  }

  push(bytes: Uint8Array, start = 0): void {
    for (let at = start; at < bytes.length; ) {
      if (this.#head === undefined) {
        this.#header[this.#filled++] = bytes[at++] as number; // at < bytes.length
        if (this.#filled === frameHeaderBytes) this.#begin();
      } else {
        const end = Math.min(bytes.length, at + this.#left);
        this.#visitor.payload(bytes, at, end);
        this.#left -= end - at;
        at = end;
      }
      if (this.#head !== undefined && this.#left === 0) this.#end(this.#head);
    }
  }

  #begin(): void {
    this.#filled = 0;
    this.#head = readFrameHead(this.#header);
    this.#left = this.#head.length;
    this.#visitor.begin(this.#head, this.#header);
  }

  #end(head: FrameHead): void {
    this.#head = undefined;
    this.#visitor.end(head);
  }
}

function readFrameHead(header: Uint8Array): FrameHead {
  const view = new DataView(header.buffer, header.byteOffset, frameHeaderBytes);
  return {
    length: view.getUint32(0) >>> 8,
    type: view.getUint8(3),
    flags: view.getUint8(4),
    streamId: view.getUint32(5) & 0x7fff_ffff,
  };
}

/** Writes what comes in front of a frame without flags. */
export function writeFrameHead(
  target: Uint8Array,
  at: number,
  { length, type, streamId }: Omit<FrameHead, "flags">,
): void {
  const view = new DataView(target.buffer, target.byteOffset + at, frameHeaderBytes);
  view.setUint32(0, (length << 8) | type); // a length has 24 bits
  view.setUint8(4, 0);
  view.setUint32(5, streamId);
}
