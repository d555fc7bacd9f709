import { randomUUID } from "node:crypto";
import type { TimestampResolution, TimeWindow } from "@stenogrpc/pcap";
import { captureHeaderBytes } from "@stenogrpc/pcap";
import type { StenoRequest } from "@stenogrpc/protocol";
import { TimestampResolution as WireResolution } from "@stenogrpc/protocol";
import type { AnyFilterNode, FilterDialect, FilterNode, FilterPlan } from "@stenogrpc/query";
import { explainTags, planFilter } from "@stenogrpc/query";
import { checkReason, checkWindow, explainRole, indexWithin } from "./access/apply-role.js";
import type { Role } from "./access/role.js";
import { limitsFor } from "./access/role.js";
import type { Limits } from "./limits.js";
import { readFilter } from "./read-filter.js";
import { RequestError } from "./request-error.js";
import type { RetrievalPlan, SourceAbilities } from "./sources/packet-source.js";
import { epochSecondsToNs, timestampToNs } from "./timestamps.js";

/** A limit with the one who set it. */
export interface Cap {
  readonly value: number;
  readonly setBy: "client" | "server";
}

/** One request made exact: what to find, and how to deliver it. */
export interface Plan extends RetrievalPlan {
  /** The language that the filter was read in; undefined without a filter. */
  readonly dialect: FilterDialect | undefined;
  /** What every packet must match besides the filter, by the role of who asks. */
  readonly policy: FilterNode | undefined;
  /** Bytes kept of each packet behind its transport header; undefined: all. */
  readonly payloadBytes: number | undefined;
  /** Why the packets are needed, in the client's words. */
  readonly reason: string;
  /** The filter looks behind VLAN tags. */
  readonly vlanTransparent: boolean;
  /** How the filter is answered, in words, one fact each. */
  readonly explanation: readonly string[];
  /** The client takes what damage in the source leaves. */
  readonly acceptIncomplete: boolean;
  /** The most pcap bytes in one message. */
  readonly chunkBytes: number;
  /** The most pcap bytes in all. */
  readonly maxBytes: Cap | undefined;
  /** The most packets in all. */
  readonly maxPackets: Cap | undefined;
}

/** What a request is read by. */
export interface PlanningTerms {
  /** What who asks may do. */
  readonly role: Role;
  /** The server's own limits, which the role may lower. */
  readonly limits: Limits;
  /** What the source can do. */
  readonly abilities: SourceAbilities;
  /** Nanoseconds since the epoch: "3h ago" and how far back a role may look count from here. */
  readonly nowNs: bigint;
}

/**
 * Reads a request into a plan. `path` is not looked at: a client never chooses a path.
 *
 * @throws RequestError for a reason, window, limit, uid or option that makes no sense, or that the source, the role or the policy refuses
 * @throws FilterSyntaxError for a filter that can't be read
 */
export function planRetrieval(
  request: StenoRequest,
  { role, limits: serverLimits, abilities, nowNs }: PlanningTerms,
): Plan {
  const limits = limitsFor(role, serverLimits);
  const delivery = request.request;
  checkReason(request.reason, role);
  const window = planWindow(request, serverLimits, abilities);
  checkWindow(window, role, nowNs);
  const { filter, dialect } = readFilter(request, nowNs);
  const { vlanTransparent, acceptIncomplete } = request;
  const restoreVlanTags = planVlanTags(request.restoreVlanTags, abilities);
  const { index, explanation } = planIndex(filter, {
    window,
    vlanTransparent,
    restoreVlanTags,
    abilities,
    role,
  });
  if (!index && abilities.index && !limits.allowTimeOnlyQueries) throw indexCantHelp(explanation);
  return {
    uid: planUid(delivery?.uid ?? ""),
    window,
    filter,
    dialect,
    policy: role.policy,
    payloadBytes: role.payloadBytes,
    reason: request.reason,
    vlanTransparent,
    index,
    explanation,
    acceptIncomplete,
    restoreVlanTags,
    resolution: planResolution(delivery?.timestampResolution, abilities),
    chunkBytes: planChunkBytes(delivery?.chunkSize ?? 0n, limits),
    maxBytes: planMaxBytes(delivery?.maxSize ?? 0n, limits.maxBytes),
    maxPackets: lowerCap("max_packets", delivery?.maxPackets ?? 0n, limits.maxPackets),
  };
}

/** What the index is asked so that it gives every packet that both the filter and the role let through, and how, in words. */
function planIndex(
  filter: AnyFilterNode | undefined,
  { window, vlanTransparent, restoreVlanTags, abilities, role }: IndexQuestion,
): Pick<FilterPlan, "index" | "explanation"> {
  const ofRole = explainRole(role);
  // A source without an index reads everything in the window anyway.
  if (!abilities.index)
    return { index: undefined, explanation: [...explainScan(filter, vlanTransparent), ...ofRole] };
  const { startNs: from, endNs: to } = window;
  const { index, explanation } = planFilter(filter, { from, to, vlanTransparent, restoreVlanTags });
  return { index: indexWithin(index, role.policy), explanation: [...explanation, ...ofRole] };
}

interface IndexQuestion extends Pick<Plan, "window" | "vlanTransparent" | "restoreVlanTags"> {
  readonly abilities: SourceAbilities;
  readonly role: Role;
}

function explainScan(filter: AnyFilterNode | undefined, vlanTransparent: boolean): string[] {
  const reads = "This source has no index: every packet of the files that touch the window is read.";
  return filter
    ? [
        reads,
        "Each packet in the window is matched against the whole filter on the server.",
        ...explainTags(filter, vlanTransparent),
      ]
    : [reads];
}

function planUid(uid: string): string {
  if (uid === "") return randomUUID();
  if (/^(?!\.)[A-Za-z0-9._-]{1,128}$/.test(uid)) return uid;
  throw new RequestError(
    "uid-invalid",
    "uid must be 1 to 128 characters of [A-Za-z0-9._-] and not start with a dot, or empty",
  );
}

const lastSecond = 253_402_300_799n; // 9999-12-31T23:59:59Z, where RFC 3339 and Timestamp end

function planWindow(
  request: StenoRequest,
  limits: Limits,
  { nanoseconds = true }: SourceAbilities,
): TimeWindow {
  const { start, end, epochStart, epochEnd } = request;
  if (!start && !end && epochStart === 0n && epochEnd === 0n) {
    throw new RequestError(
      "window-invalid",
      "a window is required: start and end, or epoch_start and epoch_end",
    );
  }
  const startNs = start ? timestampToNs(start) : epochSecondsToNs(epochStart);
  const endNs = end ? timestampToNs(end) : epochSecondsToNs(epochEnd + 1n);
  const limitNs = epochSecondsToNs(lastSecond + 1n);
  if (startNs < 0n || startNs > limitNs || endNs < 0n || endNs > limitNs) {
    throw new RequestError("window-invalid", "the window must lie between 1970-01-01 and 9999-12-31");
  }
  if (endNs <= startNs) {
    throw new RequestError("window-invalid", "the window's end must come after its start");
  }
  if (limits.maxWindowMs !== undefined && endNs - startNs > BigInt(limits.maxWindowMs) * 1_000_000n) {
    throw new RequestError(
      "window-invalid",
      `the window is longer than the ${limits.maxWindowMs / 1000} s this server allows; ask for shorter windows, one after another`,
    );
  }
  // Times cut to microseconds can't be told from finer bounds: so that no packet of the window is missing, those next to it come, too.
  if (!nanoseconds) return { startNs: (startNs / 1000n) * 1000n, endNs: ((endNs + 999n) / 1000n) * 1000n };
  return { startNs, endNs };
}

function indexCantHelp(explanation: FilterPlan["explanation"]): RequestError {
  return new RequestError(
    "index-cant-help",
    `this would read every packet in the window, which this sensor's policy does not allow; narrow it by a host, net, port or protocol (${explanation.join("; ")})`,
  );
}

function planVlanTags(asked: boolean, abilities: SourceAbilities): boolean {
  if (!asked || abilities.restoreVlanTags) return asked;
  throw new RequestError(
    "option-unsupported",
    "restore_vlan_tags: this sensor's source does not have the VLAN tags that the kernel took off",
  );
}

const resolutions: Record<WireResolution, TimestampResolution | undefined> = {
  [WireResolution.UNSPECIFIED]: undefined,
  [WireResolution.MICROSECONDS]: "microseconds",
  [WireResolution.NANOSECONDS]: "nanoseconds",
};

function planResolution(
  asked: WireResolution = WireResolution.UNSPECIFIED,
  { nanoseconds = true, resolution: usual }: SourceAbilities,
): TimestampResolution | undefined {
  if (!(asked in resolutions)) {
    throw new RequestError("option-invalid", `timestamp_resolution ${asked} is not known to this server`);
  }
  const resolution = resolutions[asked] ?? usual;
  if (resolution !== "nanoseconds" || nanoseconds) return resolution;
  throw new RequestError(
    "option-unsupported",
    "timestamp_resolution: this sensor's source has no more than microseconds",
  );
}

function planChunkBytes(asked: bigint, limits: Limits): number {
  refuseNegative("chunk_size", asked);
  if (asked === 0n) return limits.defaultChunkBytes;
  if (asked < limits.minChunkBytes) return limits.minChunkBytes;
  if (asked > limits.maxChunkBytes) return limits.maxChunkBytes;
  return Number(asked);
}

function planMaxBytes(asked: bigint, limit: number | undefined): Cap | undefined {
  if (asked > 0n && asked < captureHeaderBytes) {
    throw new RequestError(
      "limit-invalid",
      `max_size must hold at least the ${captureHeaderBytes} bytes of a pcap file header`,
    );
  }
  return lowerCap("max_size", asked, limit);
}

/** The client's limit or the server's, whichever is lower; the client's where they are equal. */
function lowerCap(field: string, asked: bigint, limit: number | undefined): Cap | undefined {
  refuseNegative(field, asked);
  if (asked > 0n && (limit === undefined || asked <= limit)) return { value: Number(asked), setBy: "client" };
  return limit === undefined ? undefined : { value: limit, setBy: "server" };
}

function refuseNegative(field: string, value: bigint): void {
  if (value < 0n) throw new RequestError("limit-invalid", `${field} must not be negative`);
}
