import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";

/** How much may be under way, in bytes. */
export interface WindowLimits {
  /** To an answer that is alone on its connection. */
  readonly streamWindowBytes: number;
  /** To all answers on a connection, as long as each has the least that makes sense. */
  readonly connectionWindowBytes: number;
}

/** How wide the window of a stream may be, in bytes. */
export interface WindowRange {
  /** What it begins with. */
  readonly first: number;
  /** What it grows to while its reader keeps up. */
  readonly widest: number;
}

/** What is near needs no more; and what comes for a reader that is slow from the start waits in this much. */
const firstBytes = 1_048_576;

/** Below this an answer is slow over any distance. */
const leastSharedBytes = 524_288;

/**
 * The window of each of so many answers at once.
 *
 * In steps, since each change may be a message to the server: the widest goes by the next power of two.
 */
export function sharedWindow(
  answers: number,
  { streamWindowBytes, connectionWindowBytes }: WindowLimits,
): WindowRange {
  let step = 1;
  while (step < answers) step *= 2;
  const share = Math.max(leastSharedBytes, Math.floor(connectionWindowBytes / step));
  const widest = Math.min(streamWindowBytes, share);
  return { first: Math.min(firstBytes, widest), widest };
}

/**
 * The flow-control windows of one connection: wide for one answer whose reader keeps up, which distance needs, and shared by many.
 *
 * What is under way to a slow reader lies in this process. Node gives the connection's window back as bytes come, read or not,
 * so that only the windows of streams bound memory. A change counts for open streams, too (RFC 9113, section 6.9.2).
 */
export class FlowWindows {
  readonly #session: ClientHttp2Session;
  readonly #limits: WindowLimits;
  readonly #changed: (window: WindowRange) => void;
  #answers = 0;
  #window: WindowRange;
  #changing = false;

  /**
   * @param session connected, with the first window of one answer in its settings
   * @param changed told the window of each stream when it becomes another than that of one answer
   */
  constructor(session: ClientHttp2Session, limits: WindowLimits, changed: (window: WindowRange) => void) {
    this.#changed = changed;
    this.#session = session;
    this.#limits = limits;
    this.#window = sharedWindow(1, limits);
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
    const { first, widest } = this.#window;
    const next = sharedWindow(this.#answers, this.#limits);
    // One change at a time: a session that waits for too many acknowledgements fails.
    if (this.#changing || this.#session.destroyed || this.#session.closed) return;
    if (next.first === first && next.widest === widest) return;
    this.#window = next;
    this.#changed(next);
    if (next.first === first) return;
    this.#changing = true;
    this.#session.settings({ initialWindowSize: next.first }, () => {
      this.#changing = false;
      this.#adjust();
    });
  }
}
