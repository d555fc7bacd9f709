// The thread that reads files for a WorkerReader. It does nothing else, so it may wait for a disk.
import { parentPort } from "node:worker_threads";
import type { RecordBatch } from "@stenogrpc/pcap";
import { Bell } from "./bell.js";
import { type BlockMemory, BlockReader } from "./block-reader.js";
import { BlockReaders } from "./block-readers.js";
import type { RecordForm } from "./block-records.js";
import type { ThreadQuery } from "./file-plan.js";
import { GatheredRecords } from "./gathered-records.js";
import { LocalReader } from "./local-reader.js";
import { QuickAccess } from "./quick-access.js";
import { type ReadBlock, readThread } from "./thread-answer.js";
import { type Answer, buffersOf, type Notice, type Question, unflatten } from "./worker-messages.js";

/** Blocks of one answer: two read ahead, one that gathers, one on its way, and one that is being used. */
const readersPerAnswer = 5;
/** Batches of no more packets than this are sent together, within so many milliseconds: a message wakes up two threads. */
const fewPackets = 1024;
const gatherMs = 20;
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
  readonly #change = new Bell();

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
    this.#change.ring();
  }

  get isTooMuch(): boolean {
    return this.#unheard > mostUnheard;
  }

  /** Waits until some are heard, or the signal aborts. */
  change(signal: AbortSignal): Promise<void> {
    return this.#change.heard(signal);
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
  const outbox = new Outbox(id, readers, told);
  underWay.set(id, { work, form: query, readers, told });
  const untilHeard = async (): Promise<void> => {
    while (told.isTooMuch) {
      outbox.sendNotices();
      await told.change(work.signal);
    }
  };
  const heard = (): Promise<void> | undefined => (told.isTooMuch ? untilHeard() : undefined);
  const tell = (notice: Notice): void => {
    outbox.flush(); // packets that were found before
    told.add(notice);
  };
  const { tables, access } = local;
  const threadQuery = {
    ...query,
    ...{ filter: filter && unflatten(filter), signal: work.signal, tables, access, heard },
    onDamage: (damage) => tell({ on: "damage", damage }),
    onLost: (fromUs, toUs) => tell({ on: "lost", fromUs, toUs }),
    onUnfinished: (file, packets) => tell({ on: "unfinished", file: query.files.indexOf(file), packets }),
    onGone: (file) => tell({ on: "gone", file: query.files.indexOf(file) }),
  } satisfies ThreadQuery;
  try {
    for await (const block of readThread(threadQuery, readers)) await outbox.put(block, work.signal);
  } finally {
    outbox.flush();
    outbox.sendNotices();
    underWay.delete(id);
    for (const { memory } of readers.drain()) keep(memory);
  }
  send({ id, is: "end" });
}

/** Sends an answer's packets and notices in order, and batches of few packets together. */
class Outbox {
  #gathered: GatheredRecords | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly id: number,
    private readonly readers: BlockReaders,
    private readonly told: Told,
  ) {}

  async put({ batch, reader }: ReadBlock, signal: AbortSignal): Promise<void> {
    if (batch.count <= fewPackets && (await this.#gather(batch, signal))) {
      this.readers.give(reader);
      return;
    }
    this.flush();
    this.#send(reader.memory, batch.count);
  }

  /** Sends what was gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    const gathered = this.#gathered;
    this.#gathered = undefined;
    if (gathered !== undefined) this.#send(gathered.memory, gathered.count);
  }

  sendNotices(): void {
    const notices = this.told.take();
    if (notices.length > 0) send({ id: this.id, is: "notices", notices });
  }

  async #gather(batch: RecordBatch, signal: AbortSignal): Promise<boolean> {
    if (this.#gathered?.add(batch)) return true;
    this.flush();
    const reader = await this.readers.take(signal);
    const gathered = new GatheredRecords(reader.memory);
    const hasRoom = gathered.add(batch);
    if (hasRoom) {
      this.#gathered = gathered;
      this.#timer = setTimeout(() => this.flush(), gatherMs);
    } else this.readers.give(reader);
    return hasRoom;
  }

  #send(memory: BlockMemory, count: number): void {
    this.sendNotices();
    send({ id: this.id, is: "batch", memory, count }, memory);
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
  parentPort?.postMessage(message, buffersOf(lent));
}
