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
/** Notices are sent when there are so many, and before whatever else is. */
const noticesAtOnce = 1000;

/** An answer under way. */
interface UnderWay {
  readonly work: AbortController;
  readonly form: RecordForm;
  readonly readers: BlockReaders;
}

const local = new LocalReader(new QuickAccess());
const underWay = new Map<number, UnderWay>();
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
    case "stop":
      return underWay.get(id)?.work.abort();
  }
});

function answer(id: number, answered: Promise<void>): void {
  answered.catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    send({ id, is: "failed", error, code });
  });
}

async function sendPackets({ id, query, filter }: Question & { ask: "packets" }): Promise<void> {
  const work = new AbortController();
  const readers = new BlockReaders(() => new BlockReader(query, spare.pop()), readersPerAnswer);
  underWay.set(id, { work, form: query, readers });
  let notices: Notice[] = [];
  const sendNotices = (): void => {
    if (notices.length > 0) send({ id, is: "notices", notices });
    notices = [];
  };
  const notice = (found: Notice): void => {
    notices.push(found);
    if (notices.length >= noticesAtOnce) sendNotices();
  };
  const { tables, access } = local;
  const threadQuery = {
    ...query,
    ...{ filter: filter && unflatten(filter), signal: work.signal, tables, access },
    onDamage: (damage) => notice({ on: "damage", damage }),
    onLost: (fromUs, toUs) => notice({ on: "lost", fromUs, toUs }),
    onUnfinished: (file, packets) => notice({ on: "unfinished", file: query.files.indexOf(file), packets }),
    onGone: (file) => notice({ on: "gone", file: query.files.indexOf(file) }),
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
