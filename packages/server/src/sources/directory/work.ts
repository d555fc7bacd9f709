import type { RecordBatch } from "@stenogrpc/pcap";
import { OpenFiles } from "./open-files.js";

/**
 * One retrieval's or description's life in the source: it ends by its own end, by its caller's signal, or when the source
 * closes, and all its files with it.
 */
export class Work {
  readonly files: OpenFiles;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #onCallerAborted: () => void;
  readonly #onEnd: () => void;

  constructor(caller: AbortSignal, onEnd: () => void) {
    this.#caller = caller;
    this.#onEnd = onEnd;
    this.files = new OpenFiles(this.#controller.signal);
    this.#onCallerAborted = () => void this.abort(caller.reason);
    caller.addEventListener("abort", this.#onCallerAborted, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops it with a reason, which whoever still reads is thrown. Resolves when its files are closed. */
  async abort(reason: unknown): Promise<void> {
    this.#caller.removeEventListener("abort", this.#onCallerAborted);
    this.#onEnd();
    this.#controller.abort(reason);
    await this.files.closeAll();
  }

  /** Ends it when it is done. */
  end(): Promise<void> {
    return this.abort(new Error("the work has ended"));
  }

  /** Passes batches on, and ends it behind them. */
  async *endingWith(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch, void, undefined> {
    try {
      yield* batches;
    } finally {
      await this.end();
    }
  }
}
