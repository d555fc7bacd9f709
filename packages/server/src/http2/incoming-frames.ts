import { prefaceBytes } from "./first-bytes.js";
import {
  ackFlag,
  endHeadersFlag,
  type FrameHead,
  FrameScanner,
  frameHeaderBytes,
  frameType,
  writeFrameHead,
} from "./frame-scanner.js";
import type { WindowShare } from "./window-share.js";

const windowUpdateBytes = 4;
/** The longest SETTINGS that is read, as by node:http2. */
const longestSettingsBytes = 16_384;

/** Who is told of what comes. */
export interface IncomingListener {
  /** The peer has reset a stream. */
  reset(streamId: number): void;
  /** node:http2 is to read what there is so far before what follows. */
  flush(): void;
}

/**
 * What the peer of a connection sends, made into what node:http2 reads: all of it, but what it is told of windows.
 *
 * What the peer grants the connection, and streams that go past node:http2, is taken out, and what the share leaves to node:http2 is put
 * in, between two frames.
 */
export class IncomingFrames {
  readonly #share: WindowShare;
  readonly #listener: IncomingListener;
  readonly #scanner: FrameScanner;
  #prefaceLeft = prefaceBytes;
  /** What node:http2 is to read. */
  #pieces: Uint8Array[] = [];
  /** A frame that is read whole before it is passed on, and how much of it there is. */
  #whole: Uint8Array | undefined;
  #wholeFilled = 0;
  /** Whether the peer is in the middle of a header block, which nothing may come between. */
  #inHeaders = false;

  constructor(share: WindowShare, listener: IncomingListener) {
    this.#share = share;
    this.#listener = listener;
    this.#scanner = new FrameScanner({
      begin: (head, header) => this.#begin(head, header),
      payload: (bytes, start, end) => this.#take(bytes.subarray(start, end)),
      end: (head) => this.#end(head),
    });
  }

  /**
   * Reads what has come.
   *
   * @throws FlowControlError
   */
  push(bytes: Uint8Array): void {
    const skipped = Math.min(this.#prefaceLeft, bytes.length);
    if (skipped > 0) this.#pieces.push(bytes.subarray(0, skipped));
    this.#prefaceLeft -= skipped;
    this.#scanner.push(bytes, skipped);
  }

  /** Has node:http2 get back its part of the connection's window, unless a frame or a header block is in the way. */
  refill(): void {
    if (this.#inHeaders || !this.#scanner.isBetweenFrames) return;
    const bytes = this.#share.refill();
    if (bytes > 0) this.#give(0, bytes);
  }

  /** Hands over what node:http2 is to read by now. */
  takePieces(): readonly Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #begin(head: FrameHead, header: Uint8Array): void {
    const { type, flags, streamId, length } = head;
    if (type === frameType.headers) this.#share.opened(streamId);
    if (type === frameType.headers || type === frameType.continuation)
      this.#inHeaders = (flags & endHeadersFlag) === 0;
    if (type === frameType.rstStream) this.#listener.reset(streamId);
    if (!concernsWindows(head)) {
      this.#pieces.push(header.slice());
      return;
    }
    this.#whole = new Uint8Array(frameHeaderBytes + length);
    this.#whole.set(header);
    this.#wholeFilled = frameHeaderBytes;
  }

  #take(bytes: Uint8Array): void {
    if (this.#whole === undefined) {
      this.#pieces.push(bytes);
      return;
    }
    this.#whole.set(bytes, this.#wholeFilled);
    this.#wholeFilled += bytes.length;
  }

  #end({ type, flags, streamId }: FrameHead): void {
    const frame = this.#whole;
    this.#whole = undefined;
    if (frame !== undefined) {
      if (type === frameType.settings) this.#readSettings(frame);
      else this.#readWindowUpdate(streamId, frame);
    } else if (streamId === 0 && (type !== frameType.ping || (flags & ackFlag) !== 0)) {
      // It may have node:http2 end the session: Node 22 fails an assertion where it has read a request behind it by then, and ends.
      this.#listener.flush();
    }
  }

  #readSettings(frame: Uint8Array): void {
    this.#pieces.push(frame);
    this.#share.apply(frame.subarray(frameHeaderBytes), this.#give);
  }

  #readWindowUpdate(streamId: number, frame: Uint8Array): void {
    const bytes = new DataView(frame.buffer).getUint32(frameHeaderBytes) & 0x7fff_ffff;
    const isForNode = this.#share.widen(streamId, bytes);
    // One of nothing is an error, of which node:http2 knows what is to become.
    if (isForNode || bytes === 0) this.#pieces.push(frame);
  }

  readonly #give = (streamId: number, bytes: number): void => {
    this.#pieces.push(windowUpdate(streamId, bytes));
  };
}

function concernsWindows({ type, flags, streamId, length }: FrameHead): boolean {
  if (type === frameType.windowUpdate) return length === windowUpdateBytes;
  return (
    type === frameType.settings && (flags & ackFlag) === 0 && streamId === 0 && length <= longestSettingsBytes
  );
}

function windowUpdate(streamId: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + windowUpdateBytes);
  writeFrameHead(frame, 0, { type: frameType.windowUpdate, streamId, length: windowUpdateBytes });
  new DataView(frame.buffer).setUint32(frameHeaderBytes, bytes);
  return frame;
}
