import { create } from "@bufbuild/protobuf";
import { type StenoRequest, StenoRequestSchema } from "@stenogrpc/protocol";
import type { FetchPlan } from "./fetch-options.js";
import { StenographerError } from "./stenographer-error.js";
import { toTimestamp } from "./well-known-types.js";

const nsPerSecond = 1_000_000_000n;
const greatestInt32 = 2_147_483_647;

/** What an original server is asked for when the caller says nothing: it takes 0 as "send nothing". */
export const originalDefaults = { chunkBytes: 65_536, maxBytes: greatestInt32 } as const;

/** The request as a stenogrpc server reads it: exact window, and whole seconds around it for servers that know no other. */
export function requestMessage(plan: FetchPlan): StenoRequest {
  return request(plan, plan.chunkBytes ?? 0, plan.maxBytes ?? 0);
}

/**
 * The request as an original server reads it: sizes always named, everything within int32.
 *
 * @throws StenographerError `OPTIONS_INVALID` or `TIME_INVALID` for what does not fit
 */
export function originalRequestMessage(plan: FetchPlan): StenoRequest {
  const { chunkBytes = originalDefaults.chunkBytes, maxBytes = originalDefaults.maxBytes } = plan;
  if (maxBytes > greatestInt32) {
    throw unfit(`maxBytes: an original server takes at most ${greatestInt32}`, "OPTIONS_INVALID", plan);
  }
  const message = request(plan, chunkBytes, maxBytes);
  if (message.epochEnd > BigInt(greatestInt32)) {
    throw unfit(
      "to: an original server counts seconds in 32 bits, which end at 2038-01-19T03:14:07Z",
      "TIME_INVALID",
      plan,
    );
  }
  return message;
}

function request(plan: FetchPlan, chunkBytes: number, maxBytes: number): StenoRequest {
  return create(StenoRequestSchema, {
    request: {
      uid: plan.uid,
      chunkSize: BigInt(chunkBytes),
      maxSize: BigInt(maxBytes),
      maxPackets: BigInt(plan.maxPackets ?? 0),
    },
    ...wholeSeconds(plan),
    bpf: plan.filter,
    start: toTimestamp(plan.window.startNs),
    end: toTimestamp(plan.window.endNs),
  });
}

/** Both ends included, so the last second is the one that holds the last nanosecond of the window. */
function wholeSeconds({ window }: FetchPlan): { epochStart: bigint; epochEnd: bigint } {
  return {
    epochStart: window.startNs / nsPerSecond,
    epochEnd: (window.endNs + nsPerSecond - 1n) / nsPerSecond - 1n,
  };
}

function unfit(message: string, reason: string, plan: FetchPlan): StenographerError {
  return new StenographerError(message, { code: "invalid_argument", reason, uid: plan.uid });
}
