import { create, toBinary } from "@bufbuild/protobuf";
import { StenoRequestSchema } from "@stenogrpc/protocol";

/** A request for FetchPcap that a server has to take. */
export const fetchQuery = { epochStart: 1n, epochEnd: 9n };

/** The same as a message. */
export const fetchMessage = toBinary(StenoRequestSchema, create(StenoRequestSchema, fetchQuery));

/** And in gRPC's envelope. */
export const fetchEnvelope = Buffer.concat([Buffer.of(0, 0, 0, 0, fetchMessage.length), fetchMessage]);
