import { randomUUID } from "node:crypto";
import type { TimeWindow } from "@stenogrpc/pcap";
import type { StenoRequest } from "@stenogrpc/protocol";
import type { FilterNode } from "@stenogrpc/query";
import { parseFilter, resolveTimes } from "@stenogrpc/query";
import type { Limits } from "./limits.js";
import { RequestError } from "./request-error.js";
import type { RetrievalPlan } from "./sources/packet-source.js";
import { epochSecondsToNs, timestampToNs } from "./timestamps.js";

/** A limit with the one who set it. */
export interface Cap {
  readonly value: number;
  readonly setBy: "client" | "server";
}

/** One request made exact: what to find, and how to deliver it. */
export interface Plan extends RetrievalPlan {
  /** The most pcap bytes in one message. */
  readonly chunkBytes: number;
  /** The most pcap bytes in all. */
  readonly maxBytes: Cap | undefined;
  /** The most packets in all. */
  readonly maxPackets: Cap | undefined;
}

/**
 * Reads a request into a plan. `path` is not looked at: a client never chooses a path.
 *
 * @throws RequestError for a window, limit or uid that makes no sense
 * @throws FilterSyntaxError for a filter that can't be read
 */
export function planRetrieval(request: StenoRequest, limits: Limits, nowNs: bigint): Plan {
  const delivery = request.request;
  return {
    uid: planUid(delivery?.uid ?? ""),
    window: planWindow(request, limits),
    filter: planFilter(request.bpf, nowNs),
    chunkBytes: planChunkBytes(delivery?.chunkSize ?? 0n, limits),
    maxBytes: planMaxBytes(delivery?.maxSize ?? 0n, limits.maxBytes),
    maxPackets: lowerCap("max_packets", delivery?.maxPackets ?? 0n, limits.maxPackets),
  };
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

function planWindow(request: StenoRequest, limits: Limits): TimeWindow {
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
  return { startNs, endNs };
}

function planFilter(text: string, nowNs: bigint): FilterNode | undefined {
  return text.trim() === "" ? undefined : resolveTimes(parseFilter(text), nowNs);
}

function planChunkBytes(asked: bigint, limits: Limits): number {
  refuseNegative("chunk_size", asked);
  if (asked === 0n) return limits.defaultChunkBytes;
  if (asked < limits.minChunkBytes) return limits.minChunkBytes;
  if (asked > limits.maxChunkBytes) return limits.maxChunkBytes;
  return Number(asked);
}

function planMaxBytes(asked: bigint, limit: number | undefined): Cap | undefined {
  if (asked > 0n && asked < 24n) {
    throw new RequestError("limit-invalid", "max_size must hold at least the 24 bytes of a pcap file header");
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
