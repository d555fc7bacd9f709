import { Worker } from "node:worker_threads";
import type { RecordBatch } from "@stenogrpc/pcap";
import { captureHeaderOf } from "./block-records.js";
import type { FileSpan, FilesQuery, FilesReader, Notices } from "./files-reader.js";
import type { StoredFile } from "./list-files.js";
import { type Answer, flatten, type Notice, type Question } from "./reader-messages.js";

/** Ends the thread of a reader that nobody has any more. */
const abandoned = new FinalizationRegistry<Thread>((thread) => void thread.end());

/**
 * Reads in a thread of its own, which begins with the first question: there, reading what is in memory costs no wake-up of another
 * thread for every operation. An idle one keeps no process alive.
 */
export class ThreadReader implements FilesReader {
  #thread: Thread | undefined;

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
    const thread = this.#running();
    const id = thread.begin((answer) => inbox.put(answer));
    // The signal first: a generator whose reader is gone is not resumed.
    const stop = (): void => {
      if (thread.isOpen(id)) thread.ask({ id, ask: "stop" });
      inbox.wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      thread.ask({ id, ask: "packets", query: rest, filter: filter && flatten(filter) });
      while (true) {
        const answer = signal.aborted ? undefined : await inbox.next();
        signal.throwIfAborted();
        if (answer === undefined) continue;
        if (answer.is === "notices") tell(answer.notices, query.files, notices);
        else if (answer.is === "batch") {
          const { memory, count } = answer;
          yield { header, bytes: memory.bytes, offsets: memory.offsets, count };
          thread.ask({ id, ask: "more", memory });
        } else if (answer.is === "failed") throw failure(answer);
        else return;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
      // Who leaves in the middle finds the files closed.
      while (thread.isOpen(id) && !signal.aborted) await inbox.next();
    }
  }

  async spans(files: readonly StoredFile[]): Promise<FileSpan[]> {
    const answer = await this.#askOnce("spans", files);
    return answer.is === "spans" ? answer.spans : [];
  }

  async bytesOf(files: readonly StoredFile[]): Promise<number> {
    const answer = await this.#askOnce("bytes", files);
    return answer.is === "bytes" ? answer.bytes : 0;
  }

  async close(): Promise<void> {
    await this.#thread?.end();
  }

  async #askOnce(ask: "spans" | "bytes", files: readonly StoredFile[]): Promise<Answer> {
    const thread = this.#running();
    const answer = await new Promise<Answer>((resolve) => {
      thread.ask({ id: thread.begin(resolve), ask, files });
    });
    if (answer.is === "failed") throw failure(answer);
    return answer;
  }

  #running(): Thread {
    if (this.#thread === undefined || this.#thread.hasEnded) {
      this.#thread = new Thread(this.script);
      abandoned.register(this, this.#thread);
    }
    return this.#thread;
  }
}

/** A thread, and who waits for its answers. It knows nothing of its ThreadReader, so that this can be abandoned. */
class Thread {
  hasEnded = false;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  constructor(script: URL) {
    // Whatever this process was started with, a debugger or a loader, is not for it.
    this.#worker = new Worker(script, { name: "stenographer-files", execArgv: [] });
    this.#worker.on("message", (answer: Answer) => {
      const take = this.#waiting.get(answer.id);
      if (answer.is !== "batch" && answer.is !== "notices") this.#finish(answer.id);
      take?.(answer);
    });
    this.#worker.on("error", (error) => this.#failAll(error));
    this.#worker.on("exit", () => this.#failAll(new Error("the thread that reads files has ended")));
  }

  /** Gives a question its number. While it is not answered to the end the process stays alive. */
  begin(take: (answer: Answer) => void): number {
    this.#worker.ref();
    const id = ++this.#lastId;
    this.#waiting.set(id, take);
    return id;
  }

  /** Whether answers to a question are still to come. */
  isOpen(id: number): boolean {
    return this.#waiting.has(id);
  }

  ask(question: Question): void {
    const lent = question.ask === "more" ? question.memory : undefined;
    this.#worker.postMessage(question, lent === undefined ? [] : [lent.bytes.buffer, lent.offsets.buffer]);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #finish(id: number): void {
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
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
      const file = files[notice.file] as StoredFile; // the thread was given these files
      if (notice.on === "gone") notices.onGone(file);
      else notices.onUnfinished(file, notice.packets);
    }
  }
}

function failure({ error, code }: Answer & { is: "failed" }): unknown {
  return error instanceof Error && code !== undefined ? Object.assign(error, { code }) : error;
}
