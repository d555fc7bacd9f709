import type { TimeWindow } from "@stenogrpc/pcap";
import type { FilterNode } from "@stenogrpc/query";
import { printFilter } from "@stenogrpc/query";
import { RequestError } from "../request-error.js";
import { timestampToIso } from "../timestamps.js";
import type { Role } from "./role.js";

const maxReasonCharacters = 1024;

/** Whoever asks for exactly the oldest age asks a little earlier than it is read, by a clock of their own. */
const oldestAgeGraceMs = 60_000;

/** @throws RequestError "reason-required", "reason-invalid" */
export function checkReason(reason: string, { requireReason }: Role): void {
  if (reason.length > maxReasonCharacters) {
    throw new RequestError("reason-invalid", `reason must have at most ${maxReasonCharacters} characters`);
  }
  if (requireReason && reason.trim() === "") {
    throw new RequestError("reason-required", "your role requires a reason: say why the packets are needed");
  }
}

/** @throws RequestError "window-not-allowed" */
export function checkWindow(
  { startNs, endNs }: TimeWindow,
  { maxWindowMs, oldestAgeMs }: Role,
  nowNs: bigint,
): void {
  if (maxWindowMs !== undefined && endNs - startNs > msToNs(maxWindowMs)) {
    throw new RequestError(
      "window-not-allowed",
      `your role allows windows of at most ${maxWindowMs / 1000} s; ask for shorter windows, one after another`,
    );
  }
  if (oldestAgeMs !== undefined && startNs < nowNs - msToNs(oldestAgeMs + oldestAgeGraceMs)) {
    const oldest = timestampToIso(nowNs - msToNs(oldestAgeMs));
    throw new RequestError(
      "window-not-allowed",
      `your role allows packets of the last ${oldestAgeMs / 1000} s only; let the window start at ${oldest} or later`,
    );
  }
}

/** What an index is asked so that it gives every packet that the request and the policy mean. */
export function indexWithin(
  index: FilterNode | undefined,
  policy: FilterNode | undefined,
): FilterNode | undefined {
  return index && policy ? { kind: "and", left: index, right: policy } : (index ?? policy);
}

/** What the role changes in the answer, in words. */
export function explainRole({ policy, payloadBytes }: Role): string[] {
  return [
    ...(policy ? [`Your role adds "${printFilter(policy)}": no other packet is looked at.`] : []),
    ...(payloadBytes === undefined
      ? []
      : [`Your role cuts each packet ${payloadBytes} bytes behind its transport header.`]),
  ];
}

function msToNs(ms: number): bigint {
  return BigInt(ms) * 1_000_000n;
}
