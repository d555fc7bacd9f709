import { initialWindowBytes, SendWindows } from "./send-windows.js";

/** Bytes of one stream that are written together past node:http2, in one frame where the peer lets it. Other streams, and its frames, wait. */
export const mostWrittenBytes = 1_048_576;

/** What a peer lets be under way beside node:http2's part, at a time: with less there is nothing to gain. */
const leastSpareBytes = 1_000_000;

/** Whether a peer is one for whom DATA goes past node:http2. */
export function takesLongFrames({ maxFrameBytes }: SendWindows): boolean {
  return maxFrameBytes >= mostWrittenBytes;
}

/**
 * The windows of a connection (RFC 9113, section 5.2), shared by node:http2 and what goes past it.
 *
 * Of the connection's window node:http2 always has the 64 KiB that a connection begins with, as long as the peer lets it, and gets back
 * what its DATA took; the rest is for what goes past it. So neither sends what the other one has, and nothing that node:http2 sends has
 * to wait. Of the streams that go past it, it is not told what the peer grants.
 */
export class WindowShare {
  readonly #windows = new SendWindows();
  /** What node:http2 takes for the connection's window. */
  #nodesBytes = initialWindowBytes;
  /** What it takes for the windows of the streams that go past it. Without a byte it would not end them, either. */
  readonly #nodesStreams = new Map<number, number>();

  /** The longest payload of a frame. */
  get maxFrameBytes(): number {
    return this.#windows.maxFrameBytes;
  }

  /** Whether the peer lets so much come that a stream should go past node:http2. */
  get isWide(): boolean {
    return takesLongFrames(this.#windows) && this.#windows.widestBytes - this.#nodesBytes >= leastSpareBytes;
  }

  /** From now on a stream goes past node:http2, which was told all that the peer has granted it so far. */
  takeOver(streamId: number): void {
    this.#nodesStreams.set(streamId, this.#windows.streamBytes(streamId));
  }

  /** It does so no longer. */
  leave(streamId: number): void {
    this.#nodesStreams.delete(streamId);
  }

  /** The peer has sent HEADERS. */
  opened(streamId: number): void {
    this.#windows.opened(streamId);
  }

  closed(streamId: number): void {
    this.#windows.closed(streamId);
  }

  /** What may go past node:http2 on a stream now; none where it is not positive. */
  spareBytes(streamId: number): number {
    return Math.min(this.#windows.streamBytes(streamId), this.#windows.connectionBytes - this.#nodesBytes);
  }

  /** So much goes past node:http2. */
  spend(streamId: number, bytes: number): void {
    this.#windows.spend(streamId, bytes);
  }

  /** So much is sent by node:http2. */
  spendNodes(streamId: number, bytes: number): void {
    this.#windows.spend(streamId, bytes);
    this.#nodesBytes -= bytes;
  }

  /**
   * The peer lets so much more be sent, on a stream or for stream 0 on all.
   *
   * @returns whether node:http2 is to know
   */
  widen(streamId: number, bytes: number): boolean {
    this.#windows.widen(streamId, bytes);
    return streamId !== 0 && !this.#nodesStreams.has(streamId);
  }

  /**
   * The peer has sent SETTINGS, which node:http2 reads, too.
   *
   * @param give called for each stream that has no byte left for node:http2 by them, with what it is to be given
   */
  apply(settings: Uint8Array, give: (streamId: number, bytes: number) => void): void {
    const before = this.#windows.initialBytes;
    this.#windows.apply(settings);
    const change = this.#windows.initialBytes - before;
    for (const [streamId, bytes] of this.#nodesStreams) {
      const left = bytes + change;
      if (left <= 0) give(streamId, 1 - left);
      this.#nodesStreams.set(streamId, Math.max(left, 1));
    }
  }

  /**
   * Gives node:http2 back what its DATA took of the connection's window, as far as the peer has.
   *
   * @returns how much it is to be told that it has more; 0: nothing
   */
  refill(): number {
    const { connectionBytes } = this.#windows;
    const partBytes = takesLongFrames(this.#windows)
      ? Math.min(initialWindowBytes, connectionBytes)
      : connectionBytes;
    const bytes = Math.max(partBytes - this.#nodesBytes, 0);
    this.#nodesBytes += bytes;
    return bytes;
  }
}
