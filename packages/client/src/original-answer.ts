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
import { Status } from "@stenogrpc/protocol";
import type { AnswerPart, MessageEnd } from "./answer-part.js";
import { answerProblem } from "./answer-problem.js";
import type { FetchPlan } from "./fetch-options.js";
import type { FetchResult, StoppedByLimit } from "./fetch-result.js";
import { originalDefaults } from "./request-message.js";
import type { IncrementalHash } from "./sha256.js";
import { shortcomingsOf } from "./shortcomings.js";
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
  parts: AsyncIterable<AnswerPart>,
  plan: FetchPlan,
  hash: IncrementalHash,
  passed: { -readonly [Count in keyof AnswerCounts]: AnswerCounts[Count] },
): AsyncGenerator<readonly Uint8Array[], FetchResult> {
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
    const capture = await decodeCapture(fileBytes(parts, plan, file), { onCutTail });
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
      yield [piece];
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
  const found = {
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
    serverVersion: "",
    clientIdentity: "",
    window: plan.window,
    filter: plan.filter,
    filterDialect: plan.dialect,
    policyFilter: "",
    payloadLimitBytes: undefined,
    completeness: "unstated",
    coverage: undefined,
    covered: "unknown",
    damage: [],
    recordsSeen: windowCounts.recordsSeen,
    recordsOutsideWindow: windowCounts.recordsOutsideWindow,
    recordsUnmatched: 0,
    recordsBehindVlan: 0,
    clockSkewMs: undefined,
    warnings: ["an original server sends no summary: counts, digest and completeness could not be checked"],
    verification: "structure-only",
    retries: 0,
  } as const;
  return { ...found, shortcomings: shortcomingsOf(found) };
}

/** The file's bytes. Ends with the first empty message: some originals keep sending those for ever. */
async function* fileBytes(
  parts: AsyncIterable<AnswerPart>,
  plan: FetchPlan,
  file: FileProgress,
): AsyncGenerator<Uint8Array> {
  let messageBytes = 0;
  for await (const { pcap, ends } of parts) {
    let from = 0;
    for (const end of ends) {
      checkEnd(end, plan);
      messageBytes += end.at - from;
      from = end.at;
      if (messageBytes === 0) file.endOfFile = true;
      messageBytes = 0;
      if (file.endOfFile) break;
    }
    const bytes = file.endOfFile ? pcap.subarray(0, from) : pcap;
    messageBytes += bytes.length - from;
    file.received += bytes.length;
    if (bytes.length > 0) yield bytes;
    if (file.endOfFile) return;
  }
}

function checkEnd({ uid, status, summary }: MessageEnd, plan: FetchPlan): void {
  if (uid !== plan.uid) {
    throw answerProblem("MALFORMED_ANSWER", `a message carries the uid ${JSON.stringify(uid)}`, plan.uid);
  }
  if (status !== Status.UNSPECIFIED || summary !== undefined) {
    throw answerProblem(
      "MALFORMED_ANSWER",
      "the server sends a status, so it is no original server; leave out originalServer to have its answers verified",
      plan.uid,
    );
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
