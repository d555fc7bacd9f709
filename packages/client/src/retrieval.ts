import type { AnswerPart } from "./answer-part.js";
import {
  type CallContext,
  canceled,
  canceledBySignal,
  type ExplainFailure,
  errorFromRpc,
} from "./error-from-rpc.js";
import type { FetchPlan } from "./fetch-options.js";
import type { FetchResult } from "./fetch-result.js";
import { onAbort } from "./on-abort.js";
import { originalPieces } from "./original-answer.js";
import { Patience, pause } from "./patience.js";
import { resultJson } from "./result-json.js";
import type { IncrementalHash } from "./sha256.js";
import type { StenographerError } from "./stenographer-error.js";
import { type AnswerCounts, VerifiedAnswer, verifiedPieces } from "./verified-answer.js";
import { withJson } from "./with-json.js";

/** What a retrieval needs from its client. */
export interface RetrievalSetup {
  readonly plan: FetchPlan;
  readonly originalServer: boolean;
  readonly createHash: () => IncrementalHash;
  readonly explainFailure: ExplainFailure | undefined;
  /** Sends the request: with the first pull, and again where it failed for what may pass. */
  readonly call: (signal: AbortSignal, timeoutMs: number | undefined) => AsyncIterable<AnswerPart>;
  /** Has `cancel` called when the client closes, until the function given back is called. Throws if it has closed. */
  readonly onClientClose: (cancel: (error: StenographerError) => void) => () => void;
}

/**
 * One retrieval: sends its request with the first pull, gives out the answer's bytes as they are found good, and ends the
 * call whichever way the reader leaves.
 */
export class Retrieval implements AsyncIterableIterator<Uint8Array> {
  readonly plan: FetchPlan;
  /** Settles when the answer has ended, and rejects when the reader leaves before. Never an unhandled rejection. */
  readonly result: Promise<FetchResult>;
  readonly #setup: RetrievalSetup;
  readonly #pieces: AsyncGenerator<readonly Uint8Array[], FetchResult>;
  /** What is good and was not asked for yet, the next one last. */
  readonly #ready: Uint8Array[] = [];
  // connect-es does not cancel a call whose reader leaves; aborting this does.
  #controller = new AbortController();
  #lends = false;
  #beginsAnew = false;
  #answered = false;
  #attempt = 0;
  #counts: AnswerCounts = { packets: 0, pcapBytes: 0 };
  #stopped: StenographerError | undefined;
  #settled = false;
  #resolve!: (result: FetchResult) => void; // set by the constructor, inside new Promise
  #reject!: (error: unknown) => void; // likewise
  readonly #unlink: (() => void)[] = [];

  constructor(setup: RetrievalSetup) {
    this.#setup = setup;
    this.plan = setup.plan;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => {});
    this.#pieces = this.#allPieces();
  }

  /** What has passed so far, of the answer that is coming. */
  get counts(): AnswerCounts {
    return this.#counts;
  }

  /** Which answer the latest piece is of. Another number than before: those until then are of one that broke off. */
  get attempt(): number {
    return this.#attempt;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The same for a reader that is done with a piece when it asks for the next one, and asks for one after the other: pieces have memory
   * that is used again. Memory of their own makes the garbage collector run for every 32 MiB of packets.
   */
  lending(): this {
    this.#lends = true;
    return this;
  }

  /** The same for a reader that drops what it has when `attempt` changes: it can be given an answer from its beginning again. */
  beginningAnew(): this {
    this.#beginsAnew = true;
    return this;
  }

  /** The next bytes, ending on a packet record. Throws a StenographerError where the answer fails, at its end at the latest. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const ready = this.#ready.pop();
    // At once: with small messages most pulls end here, and a pull through the generators takes several turns.
    if (ready !== undefined && this.#stopped === undefined) return { done: false, value: ready };
    try {
      const next = await this.#pieces.next();
      if (next.done) {
        // A generator that was left before says "done" like one that ran to its end; that must not look like an end.
        if (this.#stopped) throw this.#stopped;
        this.#settle(() => this.#resolve(next.value));
      } else {
        this.#ready.unshift(...[...next.value].reverse());
      }
      // Not always of what was just pulled: a pull that did not wait for the one before it finds what that one left.
      const first = this.#ready.pop();
      return first === undefined ? { done: true, value: undefined } : { done: false, value: first };
    } catch (error) {
      this.#settle(() => this.#reject(error));
      throw error;
    }
  }

  /** Ends the call, if it has not ended. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.cancel(canceled("the reader left before the end of the answer", this.plan.uid));
    // Pulls the generator's own way out; its error is the one just given.
    await this.#pieces.return(undefined as never).catch(() => {}); // nobody reads the value of an early return
    return { done: true, value: undefined };
  }

  /** Ends the call with this error, also while a pull is waiting. */
  cancel(error: StenographerError): void {
    if (this.#settled) return;
    this.#stopped = error;
    this.#controller.abort();
    this.#settle(() => this.#reject(error));
  }

  /** The pieces of the answer, after those of others that broke off where the reader can begin anew. */
  async *#allPieces(): AsyncGenerator<readonly Uint8Array[], FetchResult> {
    if (this.#stopped) throw this.#stopped;
    this.#link();
    const patience = new Patience(this.plan);
    for (;;) {
      try {
        const result = yield* this.#piecesOf(this.#parts(patience));
        return withJson({ ...result, retries: patience.retries }, resultJson);
      } catch (error) {
        const isOver = this.#stopped !== undefined || (this.#answered && !this.#beginsAnew);
        const waitMs = isOver ? undefined : patience.waitMs(error);
        if (waitMs === undefined) throw error;
        this.#controller = new AbortController();
        await pause(waitMs, this.#controller.signal);
        if (this.#stopped) throw this.#stopped;
        this.#answered = false;
        this.#attempt++;
      }
    }
  }

  /** Checks one answer as it comes. */
  #piecesOf(parts: AsyncIterable<AnswerPart>): AsyncGenerator<readonly Uint8Array[], FetchResult> {
    const { plan, originalServer, createHash } = this.#setup;
    if (originalServer) {
      const counts = { packets: 0, pcapBytes: 0 };
      this.#counts = counts;
      return originalPieces(parts, plan, createHash(), counts);
    }
    const answer = new VerifiedAnswer(plan, createHash());
    this.#counts = answer;
    return verifiedPieces(parts, answer, () => this.#lends);
  }

  /** Sends the request once. */
  async *#parts(patience: Patience): AsyncGenerator<AnswerPart> {
    const { signal } = this.#controller;
    const parts = this.#setup.call(signal, patience.timeoutMs)[Symbol.asyncIterator]();
    const drainParts = () => drain(parts);
    signal.addEventListener("abort", drainParts);
    try {
      for (;;) {
        if (this.#stopped) throw this.#stopped;
        const next = await this.#nextPart(parts);
        if (next.done) break;
        if (!this.#answered) patience.answered();
        this.#answered = true;
        yield next.value;
      }
      signal.removeEventListener("abort", drainParts);
    } finally {
      this.#controller.abort();
    }
  }

  async #nextPart(parts: AsyncIterator<AnswerPart>): Promise<IteratorResult<AnswerPart>> {
    const { uid, timeoutMs } = this.plan;
    const context: CallContext = {
      uid,
      timeoutMs,
      answered: this.#answered,
      explainFailure: this.#setup.explainFailure,
    };
    try {
      const next = await parts.next();
      // connect-es before 2.2 delivers messages after an abort.
      if (this.#stopped) throw this.#stopped;
      return next;
    } catch (error) {
      throw this.#stopped ?? (await errorFromRpc(error, context));
    }
  }

  /** Listens to those who may cancel, as long as there is something to cancel. Throws if one already has. */
  #link(): void {
    const { signal, uid } = this.plan;
    const cancelBySignal = () => this.cancel(canceledBySignal("retrieval", signal, uid));
    if (signal?.aborted) cancelBySignal();
    if (this.#stopped) throw this.#stopped;
    this.#unlink.push(this.#setup.onClientClose((error) => this.cancel(error)));
    if (signal) this.#unlink.push(onAbort(signal, cancelBySignal));
  }

  #settle(settle: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const unlink of this.#unlink) unlink();
    settle();
  }
}

/**
 * Reads an aborted call to its end. connect-es stops the timer of a deadline only when somebody pulls the end or the
 * error, and the timer would keep the process alive.
 */
async function drain(parts: AsyncIterator<AnswerPart>): Promise<void> {
  try {
    while (!(await parts.next()).done);
  } catch {
    // The abort itself.
  }
}
