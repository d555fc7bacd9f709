import { strictOptions } from "@stenogrpc/options";
import { z } from "zod";
import { checkOptions } from "./check-options.js";
import { abortSignal, timeoutMs } from "./option-schemas.js";
import { StenographerError } from "./stenographer-error.js";
import { parseTime, type TimeInput } from "./time.js";

/** Filter text, or what prints itself as filter text: a filter of @stenogrpc/query's builder. */
export type FilterText = string | { toString(): string };

const captureHeaderBytes = 24;
const uidShape = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

const isTime = (value: unknown): value is TimeInput =>
  value instanceof Date || ["string", "number", "bigint"].includes(typeof value);
const isFilterText = (value: unknown): value is FilterText =>
  typeof value === "string" ||
  (typeof value === "object" && value !== null && value.toString !== Object.prototype.toString);
const timeAdvice = "write a Date, an ISO string with a zone, seconds since 1970, or bigint nanoseconds";

const fetchOptionsSchema = strictOptions({
  /** Start of the window, included: Date, ISO string with a zone, seconds since 1970, or bigint nanoseconds. */
  from: z.custom<TimeInput>(isTime, { error: timeAdvice }),
  /** End of the window, not included; the same kinds of time. */
  to: z.custom<TimeInput>(isTime, { error: timeAdvice }),
  /** Which packets, in Stenographer's query language, or a filter of @stenogrpc/query's builder. Default: every packet. */
  filter: z
    .custom<FilterText>(isFilterText, { error: 'write filter text such as "host 10.0.0.1 and port 443"' })
    .optional(),
  /** The most pcap bytes in the answer, its 24-byte file header included, at least 24. Default: the server's limit. */
  maxBytes: z.int().min(captureHeaderBytes).optional(),
  /** The most packets in the answer, at least 1. Default: the server's limit. */
  maxPackets: z.int().min(1).optional(),
  /** The most pcap bytes in one message, 1 KiB to 16 MiB; the server clamps it. Default: the server's, 256 KiB. */
  chunkBytes: z.int().min(1024).max(16_777_216).optional(),
  /** Correlates this retrieval with the server's log: 1 to 128 of [A-Za-z0-9._-], no dot first. Default: a UUID. */
  uid: z
    .string()
    .regex(uidShape, "write 1 to 128 characters of [A-Za-z0-9._-], not starting with a dot")
    .optional(),
  /** Cancels the retrieval when it aborts. */
  signal: abortSignal.optional(),
  /** The longest the retrieval may take, in milliseconds. Default: the client's `timeoutMs`, else none. */
  timeoutMs: timeoutMs.optional(),
});

/** Which packets, and how they are to be delivered. Unknown keys are refused. */
export type FetchPcapOptions = z.input<typeof fetchOptionsSchema>;

/** One retrieval, with everything decided. */
export interface FetchPlan {
  readonly uid: string;
  readonly window: { readonly startNs: bigint; readonly endNs: bigint };
  readonly filter: string;
  readonly maxBytes: number | undefined;
  readonly maxPackets: number | undefined;
  readonly chunkBytes: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/**
 * Checks the options of one retrieval and decides what they leave open.
 *
 * @throws StenographerError `OPTIONS_INVALID`, `TIME_INVALID` or `WINDOW_INVALID`
 */
export function planFetch(options: FetchPcapOptions, defaults: { timeoutMs?: number }): FetchPlan {
  const checked = checkOptions("fetchPcap", fetchOptionsSchema, options);
  const startNs = parseTime(checked.from, "from");
  const endNs = parseTime(checked.to, "to");
  if (endNs <= startNs) {
    const problem =
      endNs === startNs
        ? "they are equal, which is an empty window"
        : `\`to\` is ${seconds(startNs - endNs)} s earlier`;
    throw new StenographerError(`from must lie before to: ${problem} (from is included, to is not)`, {
      code: "invalid_argument",
      reason: "WINDOW_INVALID",
    });
  }
  return {
    uid: checked.uid ?? crypto.randomUUID(),
    window: { startNs, endNs },
    filter: checked.filter?.toString() ?? "",
    maxBytes: checked.maxBytes,
    maxPackets: checked.maxPackets,
    chunkBytes: checked.chunkBytes,
    signal: checked.signal,
    timeoutMs: checked.timeoutMs ?? defaults.timeoutMs,
  };
}

function seconds(ns: bigint): number {
  return Number(ns) / 1e9;
}
