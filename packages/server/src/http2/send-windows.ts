/** What every connection begins with (RFC 9113, sections 6.5.2 and 6.9.2). */
export const initialWindowBytes = 65_535;
const initialFrameBytes = 16_384;

const longestWindowBytes = 2 ** 31 - 1;
const longestFrameBytes = 2 ** 24 - 1;

/** Streams that a connection may have open here. Far beyond what node:http2 lets it, which refuses the rest itself. */
const mostStreams = 4096;

/** RFC 9113, section 6.5.2. */
const setting = { initialWindowSize: 0x4, maxFrameSize: 0x5 } as const;

/** What no peer may do. */
export class FlowControlError extends Error {
  override readonly name = "FlowControlError";
}

/**
 * What the peer of a connection lets this side send: its flow-control windows and its longest frame (RFC 9113, sections 5.2 and 6.9).
 *
 * A stream is known from its first frame on, since its window may be opened before anything is sent on it.
 */
export class SendWindows {
  #connectionBytes = initialWindowBytes;
  #widestBytes = initialWindowBytes;
  #maxFrameBytes = initialFrameBytes;
  #initialBytes = initialWindowBytes;
  #lastStreamId = 0;
  /** The windows of open streams, which may be negative. */
  readonly #streams = new Map<number, number>();

  /** The window that a stream begins with now. */
  get initialBytes(): number {
    return this.#initialBytes;
  }

  /** What may be sent on all streams together. */
  get connectionBytes(): number {
    return this.#connectionBytes;
  }

  /** The longest payload of a frame. */
  get maxFrameBytes(): number {
    return this.#maxFrameBytes;
  }

  /** The most that this was at a time. */
  get widestBytes(): number {
    return this.#widestBytes;
  }

  /** What may be sent on this stream, as far as the connection lets it; may be negative, and is 0 where the stream is not open. */
  streamBytes(streamId: number): number {
    return this.#streams.get(streamId) ?? 0;
  }

  /** The peer has sent HEADERS, which open a stream, or end its request. */
  opened(streamId: number): void {
    if (streamId <= this.#lastStreamId) return;
    this.#lastStreamId = streamId;
    this.#streams.set(streamId, this.#initialBytes);
    if (this.#streams.size > mostStreams) throw new FlowControlError("too many streams are open");
  }

  closed(streamId: number): void {
    this.#streams.delete(streamId);
  }

  /** Takes the payload of a SETTINGS frame. What is not allowed is left for HTTP/2 proper to judge. */
  apply(settings: Uint8Array): void {
    const view = new DataView(settings.buffer, settings.byteOffset, settings.byteLength);
    for (let at = 0; at + 6 <= settings.length; at += 6) {
      const value = view.getUint32(at + 2);
      const id = view.getUint16(at);
      if (id === setting.initialWindowSize && value <= longestWindowBytes) this.#resize(value);
      if (id === setting.maxFrameSize && value >= initialFrameBytes && value <= longestFrameBytes)
        this.#maxFrameBytes = value;
    }
  }

  /** The peer lets so many bytes more be sent: on a stream, or on all for stream 0. */
  widen(streamId: number, bytes: number): void {
    if (streamId === 0) {
      this.#connectionBytes = widened(this.#connectionBytes, bytes);
      this.#widestBytes = Math.max(this.#widestBytes, this.#connectionBytes);
      return;
    }
    const window = this.#streams.get(streamId);
    if (window !== undefined) this.#streams.set(streamId, widened(window, bytes));
  }

  /** So much is sent on a stream whose window is kept here. */
  spend(streamId: number, bytes: number): void {
    this.#connectionBytes -= bytes;
    const window = this.#streams.get(streamId);
    if (window !== undefined) this.#streams.set(streamId, window - bytes);
  }

  #resize(initialBytes: number): void {
    const change = initialBytes - this.#initialBytes;
    this.#initialBytes = initialBytes;
    for (const [id, window] of this.#streams) this.#streams.set(id, widened(window, change));
  }
}

function widened(window: number, bytes: number): number {
  if (window + bytes > longestWindowBytes) throw new FlowControlError("a window is wider than 2^31 - 1");
  return window + bytes;
}
