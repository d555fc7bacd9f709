import { createHash } from "node:crypto";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  Completeness,
  ResponseSchema,
  Status,
  type StenoRequest,
  StoppedBy,
  type SummarySchema,
} from "@stenogrpc/protocol";
import { joined, second, type TestCapture } from "./capture.js";

export type AnswerMessage = MessageInitShape<typeof ResponseSchema>;

/** Where a summary is to differ from the truth. */
export type SummaryChange = Omit<MessageInitShape<typeof SummarySchema>, "$typeName">;

/** What a flawless server answers: header, one message a packet, and a last message with status and summary. */
export function goodAnswer(
  request: StenoRequest,
  capture: TestCapture,
  change: {
    summary?: SummaryChange;
    status?: Status;
    pieces?: readonly Uint8Array[];
    lastPcap?: Uint8Array;
  } = {},
): AnswerMessage[] {
  const uid = request.request?.uid ?? "";
  const pieces = change.pieces ?? [capture.header, ...capture.records];
  const bytes = joined([...pieces, change.lastPcap ?? new Uint8Array(0)]);
  const packets = capture.records.length;
  const summary = {
    packets: BigInt(packets),
    pcapBytes: BigInt(bytes.length),
    sha256: new Uint8Array(createHash("sha256").update(bytes).digest()),
    firstPacket: timestamp(capture.timesNs[0]),
    lastPacket: timestamp(capture.timesNs.at(-1)),
    stoppedBy: StoppedBy.NOTHING,
    source: "directory",
    sensor: "edge-1",
    recordsSeen: 20n,
    recordsOutsideWindow: 3n,
    recordsUnmatched: 2n,
    windowStart: request.start,
    windowEnd: request.end,
    filter: "(port 443)",
    filterDialect: request.dialect,
    completeness: Completeness.UNPROVED,
    warnings: ["one file ends in the middle of a record"],
    ...change.summary,
  };
  const status = change.status ?? (packets === 0 ? Status.NO_PACKETS : Status.OK);
  return [...pieces.map((pcap) => ({ uid, pcap })), { uid, pcap: change.lastPcap, status, summary }];
}

/** Messages, or the bytes of some, as gRPC frames them. */
export function framed(messages: readonly (AnswerMessage | Uint8Array)[]): Uint8Array[] {
  return messages.map((message) => {
    const encoded =
      message instanceof Uint8Array ? message : toBinary(ResponseSchema, create(ResponseSchema, message));
    const envelope = Buffer.alloc(5);
    envelope.writeUInt32BE(encoded.length, 1);
    return joined([envelope, encoded]);
  });
}

function timestamp(ns: bigint | undefined): { seconds: bigint; nanos: number } | undefined {
  return ns === undefined ? undefined : { seconds: ns / second, nanos: Number(ns % second) };
}
