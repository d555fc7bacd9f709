import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Response, Status, StenoRequestSchema, Summary } from "@stenogrpc/protocol";

/**
 * What came of an answer at once: bytes of its pcap file, and the messages that ended in them or right behind them.
 *
 * A part may begin and end anywhere in a message, so that whoever reads the network can pass bytes on without gathering a
 * message first.
 */
export interface AnswerPart {
  /** Bytes of pcap, which belong to whoever takes the part, until it gives them back. */
  readonly pcap: Uint8Array;
  /** In order. */
  readonly ends: readonly MessageEnd[];
  /** Gives the memory of `pcap` back, to be used again: for whoever took it only for a time, when nothing reads it any more. */
  readonly giveBack?: () => void;
}

/** The end of a message, and its other fields. */
export interface MessageEnd {
  /** How many bytes of the part's `pcap` lie before it. */
  readonly at: number;
  readonly uid: string;
  readonly status: Status;
  readonly summary: Summary | undefined;
}

/** Sends a request, with the first pull, and reads its answer. Rejects with what `errorFromRpc` takes. */
export type FetchCall = (
  request: MessageInitShape<typeof StenoRequestSchema>,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number | undefined },
) => AsyncIterable<AnswerPart>;

/** Whole messages as parts, for a transport that gives messages. */
export async function* partsOf(messages: AsyncIterable<Response>): AsyncGenerator<AnswerPart> {
  for await (const { pcap, uid, status, summary } of messages)
    yield { pcap, ends: [{ at: pcap.length, uid, status, summary }] };
}
