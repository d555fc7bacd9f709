import { create } from "@bufbuild/protobuf";
import { type StenoRequest, StenoRequestSchema, TimestampResolution } from "@stenogrpc/protocol";
import type { FetchPlan, QueryPlan } from "./fetch-options.js";
import { wireDialect } from "./filter-dialect.js";
import { StenographerError } from "./stenographer-error.js";
import { toTimestamp } from "./well-known-types.js";

const nsPerSecond = 1_000_000_000n;
const greatestInt32 = 2_147_483_647;

/** What an original server is asked for when the caller says nothing: it takes 0 as "send nothing". */
export const originalDefaults = { chunkBytes: 65_536, maxBytes: greatestInt32 } as const;

const resolutions = {
  microseconds: TimestampResolution.MICROSECONDS,
  nanoseconds: TimestampResolution.NANOSECONDS,
} as const;

/** The request as a stenogrpc server reads it: exact window, and whole seconds around it for servers that know no other. */
export function requestMessage(plan: FetchPlan): StenoRequest {
  return create(StenoRequestSchema, {
    ...query(plan),
    request: { ...delivery(plan, plan.chunkBytes ?? 0, plan.maxBytes ?? 0), ...resolution(plan) },
  });
}

/** The same packets, for a server that is to explain what it would do. */
export function explainedRequest(plan: QueryPlan): StenoRequest {
  return create(StenoRequestSchema, { ...query(plan), request: resolution(plan) });
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
  const message = create(StenoRequestSchema, {
    ...window(plan),
    request: delivery(plan, chunkBytes, maxBytes),
    bpf: plan.filter,
  });
  if (message.epochEnd > BigInt(greatestInt32)) {
    throw unfit(
      "to: an original server counts seconds in 32 bits, which end at 2038-01-19T03:14:07Z",
      "TIME_INVALID",
      plan,
    );
  }
  return message;
}

function delivery({ uid, maxPackets = 0 }: FetchPlan, chunkBytes: number, maxBytes: number) {
  return {
    uid,
    chunkSize: BigInt(chunkBytes),
    maxSize: BigInt(maxBytes),
    maxPackets: BigInt(maxPackets),
  };
}

function resolution({ timestampResolution }: QueryPlan) {
  return { timestampResolution: timestampResolution && resolutions[timestampResolution] };
}

function query(plan: QueryPlan) {
  return {
    ...window(plan),
    bpf: plan.filter,
    dialect: wireDialect(plan.dialect),
    vlanTransparent: plan.vlanTransparent,
    restoreVlanTags: plan.restoreVlanTags,
    reason: plan.reason,
    // We know STATUS_INCOMPLETE for what it is.
    acceptIncomplete: true,
  };
}

/** In whole seconds both ends are included, so the last one is the one that holds the last nanosecond of the window. */
function window({ window }: QueryPlan) {
  return {
    epochStart: window.startNs / nsPerSecond,
    epochEnd: (window.endNs + nsPerSecond - 1n) / nsPerSecond - 1n,
    start: toTimestamp(window.startNs),
    end: toTimestamp(window.endNs),
  };
}

function unfit(message: string, reason: string, plan: FetchPlan): StenographerError {
  return new StenographerError(message, { code: "invalid_argument", reason, uid: plan.uid });
}
