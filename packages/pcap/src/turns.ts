/** How a stage that is long at work lets others have their turn. */
export interface Turns {
  /** A clock, in milliseconds. */
  now(): number;
  /** Resolves when others have had theirs. What it rejects with ends the stage. */
  take(): Promise<void>;
}

/** A stage works so long, in milliseconds, before it lets others. */
const longestTurnMs = 10;
/** Stretches that take less may be longer, those that take more must be shorter. */
const shortMs = 1;
const longMs = 4;
/** Reading the clock is nothing against so many packets; and one that takes a thousand times longer than those before may come. */
const mostInStretch = 64;

/** Tells after how many packets to look at the clock, and when others are to have their turn. Whatever a packet takes. */
export class Pace {
  /** Packets to look at before the next `worked`. */
  stretch = 1;
  readonly #turns: Turns;
  #workedMs = 0;
  #startedMs = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Work begins. */
  start(): void {
    this.#startedMs = this.#turns.now();
  }

  /** A stretch is done. True: it is time to take a turn. */
  worked(): boolean {
    const nowMs = this.#turns.now();
    const tookMs = nowMs - this.#startedMs;
    this.#startedMs = nowMs;
    this.#workedMs += tookMs;
    if (tookMs < shortMs) this.stretch = Math.min(mostInStretch, this.stretch * 2);
    else if (tookMs > longMs) this.stretch = Math.max(1, this.stretch >> 1);
    return this.#workedMs >= longestTurnMs;
  }

  /** Lets others have their turn, and begins anew. */
  async take(): Promise<void> {
    await this.#turns.take();
    this.#workedMs = 0;
    this.start();
  }
}
