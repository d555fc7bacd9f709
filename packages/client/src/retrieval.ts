import type { Response } from "@stenogrpc/protocol";
import { type CallContext, canceled, type ExplainFailure, errorFromRpc } from "./error-from-rpc.js";
import type { FetchPlan } from "./fetch-options.js";
import type { FetchResult } from "./fetch-result.js";
import { onAbort } from "./on-abort.js";
import { originalPieces } from "./original-answer.js";
import type { IncrementalHash } from "./sha256.js";
import type { StenographerError } from "./stenographer-error.js";
import { type AnswerCounts, VerifiedAnswer, verifiedPieces } from "./verified-answer.js";

/** What a retrieval needs from its client. */
export interface RetrievalSetup {
  readonly plan: FetchPlan;
  readonly originalServer: boolean;
  readonly createHash: () => IncrementalHash;
  readonly explainFailure: ExplainFailure | undefined;
  /** Sends the request; called once, with the first pull. */
  readonly call: (signal: AbortSignal) => AsyncIterable<Response>;
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
  readonly #pieces: AsyncGenerator<Uint8Array, FetchResult>;
  // connect-es does not cancel a call whose reader leaves; aborting this does.
  readonly #controller = new AbortController();
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
    this.#pieces = this.#run();
  }

  /** What has passed so far. */
  get counts(): AnswerCounts {
    return this.#counts;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next bytes, ending on a packet record. Throws a StenographerError where the answer fails, at its end at the latest. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const next = await this.#pieces.next();
      if (!next.done) return next;
      // A generator that was left before says "done" like one that ran to its end; that must not look like an end.
      if (this.#stopped) throw this.#stopped;
      this.#settle(() => this.#resolve(next.value));
      return { done: true, value: undefined };
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

  async *#run(): AsyncGenerator<Uint8Array, FetchResult> {
    if (this.#stopped) throw this.#stopped;
    this.#link();
    const { plan, originalServer, createHash } = this.#setup;
    if (originalServer) {
      const counts = { packets: 0, pcapBytes: 0 };
      this.#counts = counts;
      return yield* originalPieces(this.#messages(), plan, createHash(), counts);
    }
    const answer = new VerifiedAnswer(plan, createHash());
    this.#counts = answer;
    return yield* verifiedPieces(this.#messages(), answer);
  }

  async *#messages(): AsyncGenerator<Response> {
    const { signal } = this.#controller;
    const messages = this.#setup.call(signal)[Symbol.asyncIterator]();
    const drainMessages = () => drain(messages);
    signal.addEventListener("abort", drainMessages);
    let answered = false;
    try {
      for (;;) {
        if (this.#stopped) throw this.#stopped;
        const next = await this.#nextMessage(messages, answered);
        if (next.done) break;
        answered = true;
        yield next.value;
      }
      signal.removeEventListener("abort", drainMessages);
    } finally {
      this.#controller.abort();
    }
  }

  async #nextMessage(
    messages: AsyncIterator<Response>,
    answered: boolean,
  ): Promise<IteratorResult<Response>> {
    const { uid, timeoutMs } = this.plan;
    const context: CallContext = { uid, timeoutMs, answered, explainFailure: this.#setup.explainFailure };
    try {
      const next = await messages.next();
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
    const cancelBySignal = () =>
      this.cancel(canceled("the caller's signal aborted the retrieval", uid, signal?.reason));
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
async function drain(messages: AsyncIterator<Response>): Promise<void> {
  try {
    while (!(await messages.next()).done);
  } catch {
    // The abort itself.
  }
}
