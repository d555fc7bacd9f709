import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { RecordBatch } from "@stenogrpc/pcap";
import { captureHeaderOf } from "./block-records.js";
import type { FileSpan, FilesQuery, FilesReader, Notices } from "./files-reader.js";
import type { StoredFile } from "./list-files.js";
import {
  type Answer,
  buffersOf,
  flatten,
  type NewQuestion,
  type Notice,
  type Question,
} from "./worker-messages.js";

/** How long the end of a worker is waited for. */
const endingMs = 1000;

/** Ends the worker of a reader that nobody has any more. */
const abandoned = new FinalizationRegistry<ReaderWorker>((worker) => void worker.end());

/**
 * Reads in a thread of its own, which begins with the first question: there, reading what is in memory costs no wake-up of another
 * thread for every operation. An idle one keeps no process alive.
 */
export class WorkerReader implements FilesReader {
  #current: ReaderWorker | undefined;

  constructor(private readonly script: URL) {}

  async *packets(
    query: FilesQuery,
    notices: Notices,
    signal: AbortSignal,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    signal.throwIfAborted();
    const { filter, ...rest } = query;
    const header = captureHeaderOf(query);
    const inbox = new Inbox();
    const worker = this.#running();
    const flat = filter && flatten(filter);
    const id = worker.begin({ ask: "packets", query: rest, filter: flat }, (answer) => inbox.put(answer));
    // The signal first: a generator whose reader is gone is not resumed.
    const stop = (): void => {
      if (worker.isOpen(id)) worker.ask({ id, ask: "stop" });
      inbox.wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (true) {
        const answer = signal.aborted ? undefined : await worker.waitFor(inbox.next());
        signal.throwIfAborted();
        if (answer === undefined) continue;
        if (answer.is === "notices") {
          tell(answer.notices, query.files, notices);
          worker.ask({ id, ask: "heard", notices: answer.notices.length });
        } else if (answer.is === "batch") {
          const { memory, count } = answer;
          yield { header, bytes: memory.bytes, offsets: memory.offsets, count };
          worker.ask({ id, ask: "more", memory });
        } else if (answer.is === "failed") throw failure(answer);
        else return;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
      // Who leaves in the middle finds the files closed.
      while (worker.isOpen(id) && !signal.aborted) await worker.waitFor(inbox.next());
    }
  }

  async spans(files: readonly StoredFile[]): Promise<FileSpan[]> {
    const answer = await this.#askOnce("spans", files);
    if (answer.is !== "spans") throw new TypeError(`an answer of ${answer.is}`);
    return answer.spans;
  }

  async bytesOf(files: readonly StoredFile[]): Promise<number> {
    const answer = await this.#askOnce("bytes", files);
    if (answer.is !== "bytes") throw new TypeError(`an answer of ${answer.is}`);
    return answer.bytes;
  }

  async close(): Promise<void> {
    await this.#current?.end();
    this.#current = undefined;
  }

  async #askOnce(ask: "spans" | "bytes", files: readonly StoredFile[]): Promise<Answer> {
    const worker = this.#running();
    const answered = new Promise<Answer>((resolve) => void worker.begin({ ask, files }, resolve));
    const answer = await worker.waitFor(answered);
    if (answer.is === "failed") throw failure(answer);
    return answer;
  }

  #running(): ReaderWorker {
    if (this.#current === undefined || this.#current.hasEnded) {
      this.#current = new ReaderWorker(this.script);
      abandoned.register(this, this.#current);
    }
    return this.#current;
  }
}

/** A worker, and who waits for its answers. It knows nothing of its WorkerReader, so that this can be abandoned. */
class ReaderWorker {
  hasEnded = false;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;
  /** How many wait for an answer. */
  #waiters = 0;

  constructor(script: URL) {
    this.#worker = new Worker(script, {
      name: "stenographer-files",
      // Whatever this process was started with, a debugger or a loader, is not for it.
      execArgv: [],
      // Most of what it makes is soon garbage; Node's default would let 24 MiB more of that lie.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on("message", (answer: Answer) => {
      const take = this.#waiting.get(answer.id);
      if (answer.is !== "batch" && answer.is !== "notices") this.#waiting.delete(answer.id);
      take?.(answer);
    });
    this.#worker.unref();
    this.#worker.on("messageerror", (error) => this.#failAll(error));
    this.#worker.on("error", (error) => this.#failAll(error));
    this.#worker.on("exit", () => this.#failAll(new Error("the thread that reads files has ended")));
  }

  /** Asks a question whose answers go to `take`, and gives it a number. */
  begin(question: NewQuestion, take: (answer: Answer) => void): number {
    const id = ++this.#lastId;
    this.ask({ ...question, id });
    this.#waiting.set(id, take);
    return id;
  }

  /** Keeps the process alive while somebody waits. */
  async waitFor<T>(answered: Promise<T>): Promise<T> {
    if (this.#waiters++ === 0) this.#worker.ref();
    try {
      return await answered;
    } finally {
      if (--this.#waiters === 0) this.#worker.unref();
    }
  }

  /** Whether answers to a question are still to come. */
  isOpen(id: number): boolean {
    return this.#waiting.has(id);
  }

  ask(question: Question): void {
    const lent = question.ask === "more" ? question.memory : undefined;
    this.#worker.postMessage(question, buffersOf(lent));
  }

  /** Asks it to end, and waits for that a moment: while it waits for a disk it can't. */
  async end(): Promise<void> {
    if (this.hasEnded) return;
    this.ask({ id: 0, ask: "close" });
    this.#failAll(new Error("the thread that reads files has ended"));
    const exit = once(this.#worker, "exit");
    await this.waitFor(Promise.race([exit, setTimeout(endingMs, undefined, { ref: false })]));
    void this.#worker.terminate();
  }

  #failAll(error: unknown): void {
    this.hasEnded = true;
    for (const [id, take] of this.#waiting) take({ id, is: "failed", error, code: undefined });
    this.#waiting.clear();
  }
}

/** Answers that came and were not taken yet. */
class Inbox {
  readonly #answers: Answer[] = [];
  #wake: () => void = () => {};

  put(answer: Answer): void {
    this.#answers.push(answer);
    this.#wake();
  }

  wake(): void {
    this.#wake();
  }

  /** The next one. Undefined: there is none yet, but whoever waits was woken. */
  async next(): Promise<Answer | undefined> {
    if (this.#answers.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#answers.shift();
  }
}

function tell(found: readonly Notice[], files: readonly StoredFile[], notices: Notices): void {
  for (const notice of found) {
    if (notice.on === "damage") notices.onDamage(notice.damage);
    else if (notice.on === "lost") notices.onLost(notice.fromUs, notice.toUs);
    else {
      const file = files[notice.file] as StoredFile; // the worker was given these files
      if (notice.on === "gone") notices.onGone(file);
      else notices.onUnfinished(file, notice.packets);
    }
  }
}

function failure({ error, code }: Answer & { is: "failed" }): unknown {
  return error instanceof Error && code !== undefined ? Object.assign(error, { code }) : error;
}
