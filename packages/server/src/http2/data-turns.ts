import { DataStream, type StreamCarrier, type StreamReader } from "./data-stream.js";
import { mostWrittenBytes, type WindowShare } from "./window-share.js";

/** What is written together on a slow connection, that nothing waits long, and that a reader is seen to take something. */
const slowlyWrittenBytes = 65_536;
/** A connection that takes less is slow: a longer write would take a second. */
const leastBytesPerMs = 1000;

/** What DATA is sent by. */
export interface DataWriter {
  /** Something waits for its turn. */
  ready(): void;
  /** Writes frames, and calls back when they are written. */
  write(frames: readonly Uint8Array[], written: () => void): void;
}

/** The streams of a connection whose DATA goes past node:http2, and whose turn it is to send some. */
export class DataTurns implements StreamCarrier {
  readonly #share: WindowShare;
  readonly #writer: DataWriter;
  readonly #streams = new Map<number, DataStream>();
  /** Those whose HEADERS are sent. */
  readonly #open = new Set<DataStream>();
  /** Those that have something to send, the next one first. */
  readonly #ready = new Set<DataStream>();
  /** Whether the last DATA left slowly. */
  #isSlow = false;

  constructor(share: WindowShare, writer: DataWriter) {
    this.#share = share;
    this.#writer = writer;
  }

  /** One more stream goes past node:http2. */
  add(streamId: number, reader: StreamReader): DataStream {
    const stream = new DataStream(streamId, this, reader);
    this.#streams.set(streamId, stream);
    this.#share.takeOver(streamId);
    return stream;
  }

  ready(stream: DataStream): void {
    this.#ready.add(stream);
    this.#writer.ready();
  }

  forget(stream: DataStream): void {
    this.#ready.delete(stream);
    this.#open.delete(stream);
    this.#streams.delete(stream.id);
    this.#share.leave(stream.id);
  }

  /** HEADERS of a stream are sent: DATA may follow. */
  open(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream) this.#open.add(stream);
  }

  end(streamId: number): void {
    this.#streams.get(streamId)?.end();
  }

  endAll(): void {
    for (const stream of [...this.#streams.values()]) stream.end();
  }

  /** Writes DATA of the next stream that may send some, if there is one. */
  writeNext(): void {
    for (const stream of this.#ready) {
      if (!this.#open.has(stream)) continue;
      const most = this.#isSlow ? slowlyWrittenBytes : mostWrittenBytes;
      const bytes = Math.min(stream.left, this.#share.spareBytes(stream.id), most);
      if (bytes <= 0) continue;
      this.#share.spend(stream.id, bytes);
      const frames = stream.takeFrames(bytes, this.#share.maxFrameBytes);
      this.#ready.delete(stream);
      if (stream.left > 0) this.#ready.add(stream);
      const startedAt = performance.now();
      this.#writer.write(frames, () => {
        this.#isSlow = bytes < (performance.now() - startedAt) * leastBytesPerMs;
        stream.sent(bytes);
      });
      return;
    }
  }
}
