// The thread that reads files for a ThreadReader. It does nothing else, so it may wait for a disk.
import { parentPort } from "node:worker_threads";
import { type BlockMemory, BlockReader } from "./block-reader.js";
import { BlockReaders } from "./block-readers.js";
import type { RecordForm } from "./block-records.js";
import type { ThreadQuery } from "./file-plan.js";
import { LocalReader } from "./files-reader.js";
import { QuickAccess } from "./quick-access.js";
import { type Answer, type Notice, type Question, unflatten } from "./reader-messages.js";
import { readThread } from "./thread-answer.js";

/** Blocks of one answer: two read ahead, one on its way, and one that is being used. */
const readersPerAnswer = 4;
/** More notices than this wait for none: a file is not begun before its reader has heard those of the ones before. */
const mostUnheard = 1000;

/** An answer under way. */
interface UnderWay {
  readonly work: AbortController;
  readonly form: RecordForm;
  readonly readers: BlockReaders;
  readonly told: Told;
}

/** Notices that were found, and how many were not heard yet. */
class Told {
  #found: Notice[] = [];
  #unheard = 0;
  #wake: () => void = () => {};

  add(notice: Notice): void {
    this.#found.push(notice);
    this.#unheard++;
  }

  /** Those since the last time. */
  take(): Notice[] {
    return this.#found.splice(0);
  }

  heard(notices: number): void {
    this.#unheard -= notices;
    this.#wake();
  }

  get isTooMuch(): boolean {
    return this.#unheard > mostUnheard;
  }

  /** Waits until some are heard, or the signal aborts. */
  async change(signal: AbortSignal): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    signal.addEventListener("abort", this.#wake, { once: true });
    await woken;
    signal.removeEventListener("abort", this.#wake);
    signal.throwIfAborted();
  }
}

const local = new LocalReader(new QuickAccess());
const underWay = new Map<number, UnderWay>();
const answers = new Set<Promise<void>>();
/** Memory for the next answer. */
const spare: BlockMemory[] = [];

parentPort?.on("message", (question: Question) => {
  const { id } = question;
  switch (question.ask) {
    case "packets":
      return answer(id, sendPackets(question));
    case "spans":
      return answer(
        id,
        local.spans(question.files).then((spans) => send({ id, is: "spans", spans })),
      );
    case "bytes":
      return answer(
        id,
        local.bytesOf(question.files).then((bytes) => send({ id, is: "bytes", bytes })),
      );
    case "more":
      return takeBack(id, question.memory);
    case "heard":
      return underWay.get(id)?.told.heard(question.notices);
    case "stop":
      return underWay.get(id)?.work.abort();
    case "close":
      return void close();
  }
});

parentPort?.on("messageerror", (error) => {
  throw error;
});

function answer(id: number, answered: Promise<void>): void {
  const done = answered
    .catch((error: unknown) => {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      send({ id, is: "failed", error, code });
    })
    .finally(() => answers.delete(done));
  answers.add(done);
}

/** Lets files be closed: what a thread that is ended from outside has under way may leave one open. */
async function close(): Promise<void> {
  for (const { work } of underWay.values()) work.abort();
  await Promise.all(answers);
  parentPort?.close();
}

async function sendPackets({ id, query, filter }: Question & { ask: "packets" }): Promise<void> {
  const work = new AbortController();
  const readers = new BlockReaders(() => new BlockReader(query, spare.pop()), readersPerAnswer);
  const told = new Told();
  underWay.set(id, { work, form: query, readers, told });
  const sendNotices = (): void => {
    const notices = told.take();
    if (notices.length > 0) send({ id, is: "notices", notices });
  };
  const heard = async (): Promise<void> => {
    while (told.isTooMuch) {
      sendNotices();
      await told.change(work.signal);
    }
  };
  const { tables, access } = local;
  const threadQuery = {
    ...query,
    ...{ filter: filter && unflatten(filter), signal: work.signal, tables, access, heard },
    onDamage: (damage) => told.add({ on: "damage", damage }),
    onLost: (fromUs, toUs) => told.add({ on: "lost", fromUs, toUs }),
    onUnfinished: (file, packets) => told.add({ on: "unfinished", file: query.files.indexOf(file), packets }),
    onGone: (file) => told.add({ on: "gone", file: query.files.indexOf(file) }),
  } satisfies ThreadQuery;
  try {
    for await (const { batch, reader } of readThread(threadQuery, readers)) {
      sendNotices();
      const { memory } = reader;
      send({ id, is: "batch", memory, count: batch.count }, memory);
    }
    sendNotices();
    send({ id, is: "end" });
  } finally {
    sendNotices();
    underWay.delete(id);
    for (const { memory } of readers.drain()) keep(memory);
  }
}

function takeBack(id: number, memory: BlockMemory): void {
  const answer = underWay.get(id);
  if (answer === undefined) keep(memory);
  else answer.readers.give(new BlockReader(answer.form, memory));
}

function keep(memory: BlockMemory): void {
  if (spare.length < readersPerAnswer) spare.push(memory);
}

function send(message: Answer, lent?: BlockMemory): void {
  parentPort?.postMessage(message, lent === undefined ? [] : [lent.bytes.buffer, lent.offsets.buffer]);
}
