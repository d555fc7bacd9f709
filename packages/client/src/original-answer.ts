import {
  CaptureError,
  type CutTail,
  chunked,
  createTally,
  decodeCapture,
  limit,
  pipe,
  tally,
  timeWindow,
  verify,
} from "@stenogrpc/pcap";
import { type Response, Status } from "@stenogrpc/protocol";
import { answerProblem } from "./answer-problem.js";
import type { FetchPlan } from "./fetch-options.js";
import type { FetchResult, StoppedByLimit } from "./fetch-result.js";
import { originalDefaults } from "./request-message.js";
import type { IncrementalHash } from "./sha256.js";
import type { AnswerCounts } from "./verified-answer.js";

const pieceBytes = 262_144;

/** Where the bytes of an original server's file stand. */
interface FileProgress {
  received: number;
  /** An empty message came: the server read past the end of its file. */
  endOfFile: boolean;
}

/**
 * The pieces of an answer of an original server, the Python prototype of 2019, cut to whole records.
 *
 * It reads its file in pieces until it has counted `max_size` off: a shorter file is followed by empty messages, a longer
 * one is cut anywhere, and no status or summary follows. It knows the window in whole seconds and no packet limit, and
 * hands out what stenoread gave, which is whole files. So the window and the limits are applied here.
 */
export async function* originalPieces(
  messages: AsyncIterable<Response>,
  plan: FetchPlan,
  hash: IncrementalHash,
  passed: { -readonly [Count in keyof AnswerCounts]: AnswerCounts[Count] },
): AsyncGenerator<Uint8Array, FetchResult> {
  const file: FileProgress = { received: 0, endOfFile: false };
  const windowCounts = { recordsSeen: 0, recordsOutsideWindow: 0 };
  const limitVerdict: { stoppedBy: StoppedByLimit & ("nothing" | "max-bytes" | "max-packets") } = {
    stoppedBy: "nothing",
  };
  const totals = createTally();
  let cutTail: CutTail | undefined;
  const onCutTail = (tail: CutTail): void => {
    cutTail = tail;
  };
  try {
    const capture = await decodeCapture(fileBytes(messages, plan, file), { onCutTail });
    const pieces = pipe(
      capture.batches,
      verify(),
      timeWindow(plan.window, windowCounts),
      limit({ maxBytes: plan.maxBytes, maxPackets: plan.maxPackets }, limitVerdict),
      tally(totals),
      chunked(capture.header, pieceBytes),
    );
    for await (const piece of pieces) {
      hash.update(piece);
      passed.packets = totals.packets;
      passed.pcapBytes += piece.length;
      yield piece;
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    throw file.received === 0
      ? answerProblem(
          "MALFORMED_ANSWER",
          "the server's file is empty, not even a pcap file header: its stenoread failed; look there",
          plan.uid,
          error,
        )
      : answerProblem("MALFORMED_ANSWER", `the answer is no valid pcap: ${error.message}`, plan.uid, error);
  }
  const stoppedBy =
    limitVerdict.stoppedBy !== "nothing" ? limitVerdict.stoppedBy : stoppedByServer(plan, file, cutTail);
  return {
    uid: plan.uid,
    verdict: stoppedBy !== "nothing" ? "truncated" : totals.packets === 0 ? "no-packets" : "complete",
    stoppedBy,
    packets: totals.packets,
    pcapBytes: passed.pcapBytes,
    sha256: hash.hex(),
    firstPacketNs: totals.firstNs,
    lastPacketNs: totals.lastNs,
    source: "",
    sensor: "",
    window: plan.window,
    filter: plan.filter,
    filterDialect: plan.dialect,
    completeness: "unstated",
    coverage: undefined,
    damage: [],
    recordsSeen: windowCounts.recordsSeen,
    recordsOutsideWindow: windowCounts.recordsOutsideWindow,
    recordsUnmatched: 0,
    warnings: ["an original server sends no summary: counts, digest and completeness could not be checked"],
    verification: "structure-only",
  };
}

/** The file's bytes. Ends with the first empty message: some originals keep sending those for ever. */
async function* fileBytes(
  messages: AsyncIterable<Response>,
  plan: FetchPlan,
  file: FileProgress,
): AsyncGenerator<Uint8Array> {
  for await (const message of messages) {
    if (message.uid !== plan.uid) {
      const uid = JSON.stringify(message.uid);
      throw answerProblem("MALFORMED_ANSWER", `a message carries the uid ${uid}`, plan.uid);
    }
    if (message.status !== Status.UNSPECIFIED || message.summary !== undefined) {
      throw answerProblem(
        "MALFORMED_ANSWER",
        "the server sends a status, so it is no original server; leave out originalServer to have its answers verified",
        plan.uid,
      );
    }
    if (message.pcap.length === 0) {
      file.endOfFile = true;
      return;
    }
    file.received += message.pcap.length;
    yield message.pcap;
  }
}

/** Whether `max_size` ended the answer. A file cut by anything else is no result. */
function stoppedByServer(plan: FetchPlan, file: FileProgress, cutTail: CutTail | undefined): StoppedByLimit {
  const countedOff = file.received >= (plan.maxBytes ?? originalDefaults.maxBytes);
  // Whole to the last byte asked for and no word of an end: there may have been more.
  if (countedOff && !file.endOfFile) return "max-bytes";
  if (cutTail === undefined) return "nothing";
  throw answerProblem(
    "MALFORMED_ANSWER",
    `the server's file ends inside a packet record: ${cutTail.have} of ${cutTail.need} bytes at byte ${cutTail.byteOffset}; its stenoread was cut off`,
    plan.uid,
  );
}
