import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";

/** How much may be under way, in bytes. */
export interface WindowLimits {
  /** To an answer that is alone on its connection. */
  readonly streamWindowBytes: number;
  /** To all answers on a connection, as long as each has the least that makes sense. */
  readonly connectionWindowBytes: number;
}

/** Below this an answer is slow over any distance. */
const leastSharedBytes = 1_048_576;

/**
 * The window of each of so many answers at once.
 *
 * In steps, since each change is a message to the server: the window goes by the next power of two.
 */
export function sharedWindowBytes(
  answers: number,
  { streamWindowBytes, connectionWindowBytes }: WindowLimits,
): number {
  let step = 1;
  while (step < answers) step *= 2;
  const share = Math.max(leastSharedBytes, Math.floor(connectionWindowBytes / step));
  return Math.min(streamWindowBytes, share);
}

/**
 * The flow-control windows of one connection: wide for one answer, which distance needs, and shared by many.
 *
 * What is under way to a slow reader lies in this process. Node gives the connection's window back as bytes come, read or not,
 * so that only the windows of streams bound memory. A change counts for open streams, too (RFC 9113, section 6.9.2).
 */
export class FlowWindows {
  readonly #session: ClientHttp2Session;
  readonly #limits: WindowLimits;
  readonly #changed: (windowBytes: number) => void;
  #answers = 0;
  #windowBytes: number;
  #changing = false;

  /**
   * @param session connected, with the window of one answer in its settings
   * @param changed told the window of each stream, now and when it becomes another
   */
  constructor(session: ClientHttp2Session, limits: WindowLimits, changed: (windowBytes: number) => void) {
    this.#changed = changed;
    this.#session = session;
    this.#limits = limits;
    this.#windowBytes = sharedWindowBytes(1, limits);
    changed(this.#windowBytes);
    // The setting governs streams only. Left at 64 KiB, the connection's window would let 0.7 MB/s through over 50 ms.
    session.setLocalWindowSize(limits.connectionWindowBytes);
  }

  /** Counts a stream for as long as it is open. */
  opened(stream: ClientHttp2Stream): void {
    this.#answers++;
    this.#adjust();
    stream.once("close", () => {
      this.#answers--;
      this.#adjust();
    });
  }

  #adjust(): void {
    const windowBytes = sharedWindowBytes(this.#answers, this.#limits);
    // One change at a time: a session that waits for too many acknowledgements fails.
    if (
      this.#changing ||
      windowBytes === this.#windowBytes ||
      this.#session.destroyed ||
      this.#session.closed
    )
      return;
    this.#changing = true;
    this.#windowBytes = windowBytes;
    this.#changed(windowBytes);
    this.#session.settings({ initialWindowSize: windowBytes }, () => {
      this.#changing = false;
      this.#adjust();
    });
  }
}
