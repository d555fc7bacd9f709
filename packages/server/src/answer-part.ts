import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { ChunkRun } from "@stenogrpc/pcap";
import type { ResponseSchema, StenoRequest } from "@stenogrpc/protocol";

/** One message of an answer, before it is encoded. */
export type ResponseInit = MessageInitShape<typeof ResponseSchema>;

/** Messages that go out together: some with packets and nothing else, or the last one. */
export type AnswerPart =
  | { readonly uid: string; readonly packets: ChunkRun }
  | { readonly last: ResponseInit };

/** Answers FetchPcap, whatever carries it. Who carries a part has sent or copied it before pulling the next. */
export type FetchHandler = (request: StenoRequest, context: HandlerContext) => AsyncGenerator<AnswerPart>;

/** The messages one by one, as Connect wants them. */
export async function* messagesOf(
  parts: Iterable<AnswerPart> | AsyncIterable<AnswerPart>,
): AsyncGenerator<ResponseInit> {
  for await (const part of parts) {
    if ("last" in part) {
      yield part.last;
      continue;
    }
    const { uid, packets } = part;
    let start = 0;
    for (const end of packets.ends) {
      yield { uid, pcap: packets.bytes.subarray(start, end) };
      start = end;
    }
  }
}
