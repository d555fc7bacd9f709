import type { Capture, CaptureHeader, RecordBatch } from "@stenogrpc/pcap";
import { CaptureDecoder, conformTo, mergeByTime } from "@stenogrpc/pcap";
import type { IsBeingWritten } from "./being-written.js";
import { damageFailure, FileChangedError, fileFailure } from "./file-errors.js";
import type { ReadOptions } from "./open-capture-file.js";
import { OpenCaptureFile } from "./open-capture-file.js";
import type { OpenFiles } from "./open-files.js";
import type { Answer, Candidate } from "./plan-answer.js";
import { damageOf, decodeBatches } from "./time-range.js";

/** What the reading of an answer needs besides its plan. */
export interface AnswerContext {
  readonly files: OpenFiles;
  readonly read: ReadOptions;
  readonly isBeingWritten: IsBeingWritten;
  /** Where a file is that is no longer at its path. */
  readonly findAgain: (identity: string) => Promise<string | undefined>;
  /** Grows while the answer is read. */
  readonly warnings: string[];
}

/**
 * The records of all candidates in the order of time, in the form of the answer's header. A file is opened when the merge
 * reaches the time of its first packet, and closed behind its last.
 */
export function readAnswer(answer: Answer, context: AnswerContext): AsyncIterable<RecordBatch> {
  const cutFiles = new CutFiles(context);
  const inputs = answer.candidates.map((candidate) => ({
    startsAtNs: candidate.range.startsAtNs,
    open: () => openCandidate(candidate, answer.header, cutFiles, context),
  }));
  return mergeByTime(answer.header, inputs);
}

async function openCandidate(
  candidate: Candidate,
  header: CaptureHeader,
  cutFiles: CutFiles,
  context: AnswerContext,
): Promise<Capture> {
  try {
    const file = await openWherever(candidate, context);
    return { header, batches: conformTo(header)(candidateBatches(file, candidate, cutFiles, context)) };
  } catch (error) {
    context.files.signal.throwIfAborted();
    throw fileFailure(candidate.version.path, error);
  }
}

/** How often a file is looked for that was renamed; each time it may be renamed again. */
const maxSearches = 3;

/** Opens a file at its path or, since rotation in a chain renames every file each time, where it is by now. */
async function openWherever(candidate: Candidate, context: AnswerContext): Promise<OpenCaptureFile> {
  let { path } = candidate.version;
  for (let search = 1; ; search++) {
    try {
      return await openSame(path, candidate, context);
    } catch (error) {
      if (!(error instanceof FileChangedError) || search > maxSearches) throw error;
      const found = await context.findAgain(candidate.version.identity);
      if (found === undefined || found === path) throw error;
      path = found;
    }
  }
}

async function openSame(
  path: string,
  candidate: Candidate,
  { files }: AnswerContext,
): Promise<OpenCaptureFile> {
  const file = await OpenCaptureFile.open(path, files);
  if (isSameFile(file, candidate)) return file;
  await file.close();
  throw new FileChangedError(path, "another file has taken its name");
}

function isSameFile(file: OpenCaptureFile, { version, head }: Candidate): boolean {
  return (
    file.version.identity === version.identity &&
    file.version.size >= version.size &&
    file.print(head.bytes).sha256 === head.sha256
  );
}

async function* candidateBatches(
  file: OpenCaptureFile,
  candidate: Candidate,
  cutFiles: CutFiles,
  context: AnswerContext,
): AsyncGenerator<RecordBatch, void, undefined> {
  const { version, range } = candidate;
  let isCut = false;
  const onCut = (): void => {
    isCut = true;
  };
  let packets = 0;
  try {
    const decoder = new CaptureDecoder({ onCutTail: onCut });
    // Only what the plan saw: what came since may lie before the time the merge has reached.
    for await (const batch of decodeBatches(file, decoder, 0, context.read, onCut, version.size)) {
      packets += batch.count;
      yield batch;
    }
    if (range.packets !== undefined && packets !== range.packets) {
      throw new FileChangedError(version.path, `the file had ${range.packets} packets, now ${packets}`);
    }
    if (isCut) await cutFiles.add(candidate, file);
  } catch (error) {
    context.files.signal.throwIfAborted();
    throw readFailure(candidate, error);
  } finally {
    await file.close();
  }
}

function readFailure({ version, range }: Candidate, error: unknown): Error {
  const damage = damageOf(error);
  if (damage === undefined) return fileFailure(version.path, error);
  // It was whole when its range was learned.
  if (range.packets !== undefined) {
    return fileFailure(version.path, new FileChangedError(version.path, damage.message, { cause: error }));
  }
  return damageFailure(version.path, damage, error);
}

/** Counts files that end in the middle of a record, and tells the client once how many. */
class CutFiles {
  readonly #context: AnswerContext;
  #count = 0;
  #place: number | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  async add(candidate: Candidate, file: OpenCaptureFile): Promise<void> {
    const { isBeingWritten, warnings } = this.#context;
    if (isBeingWritten(candidate) || (await file.currentSize()) > candidate.version.size) return;
    this.#count++;
    this.#place ??= warnings.length;
    const files = this.#count === 1 ? "1 capture file ends" : `${this.#count} capture files end`;
    warnings[this.#place] =
      `${files} in the middle of a record; every whole record before it is in the answer`;
  }
}
