import { sameType, strictOptions } from "@stenogrpc/options";
import { captureHeaderBytes } from "@stenogrpc/pcap";
import * as z from "zod";
import { checkOptions, optionsInvalid } from "./check-options.js";
import { chooseDialect, type FilterDialect, type FilterText } from "./filter-dialect.js";
import { abortSignal, filterDialect, filterText, retryForMs, timeoutMs } from "./option-schemas.js";
import { StenographerError } from "./stenographer-error.js";
import { parseTime, type TimeInput } from "./time.js";

const uidShape = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

const isTime = (value: unknown): value is TimeInput =>
  value instanceof Date || ["string", "number", "bigint"].includes(typeof value);
const timeAdvice = "write a Date, an ISO string with a zone, seconds since 1970, or bigint nanoseconds";

/** Which packets a fetch would be for. Unknown keys are refused. */
export interface ExplainOptions {
  /** Start of the window, included: Date, ISO string with a zone, seconds since 1970, or bigint nanoseconds. */
  from: TimeInput;
  /** End of the window, not included; the same kinds of time. */
  to: TimeInput;
  /** Which packets: filter text in the language that `dialect` names, or a filter of @stenogrpc/query's builder. Default: every packet. */
  filter?: FilterText | undefined;
  /**
   * Language of the filter: "pcap" is tcpdump's, with Stenographer's `before` and `after` added; "stenographer" is
   * Stenographer's own. Default: what the filter says of itself, as those of @stenogrpc/query do, else "pcap". An original
   * server reads only Stenographer's, which is the default there.
   */
  dialect?: FilterDialect | undefined;
  /**
   * Whether tcpdump's language looks through VLAN tags: `host 10.0.0.1` then finds tagged packets too, which tcpdump's does
   * not. Stenographer's language does so anyway. Default: false.
   */
  vlanTransparent?: boolean | undefined;
  /**
   * Whether the outer VLAN tag, which the kernel took off at capture and Stenographer keeps beside the frame, is put back
   * before the filter is matched. Sources that do not have it refuse with `OPTION_UNSUPPORTED`. Default: false.
   */
  restoreVlanTags?: boolean | undefined;
  /**
   * Unit of the time stamps in the pcap file. "microseconds" cuts off what is finer; sources that have no more than those
   * refuse "nanoseconds" with `OPTION_UNSUPPORTED`. Default: what the source gives by itself.
   */
  timestampResolution?: "microseconds" | "nanoseconds" | undefined;
  /**
   * Why the packets are needed: a case number, a sentence, at most 1024 characters. The server keeps it in its audit log, and
   * may require it (`REASON_REQUIRED`). Default: none.
   */
  reason?: string | undefined;
  /** Cancels the call when it aborts. Default: none. */
  signal?: AbortSignal | undefined;
  /** The longest the call may take, in milliseconds. Default: the client's `timeoutMs`, else none. */
  timeoutMs?: number | undefined;
}

/** Which packets, and how they are to be delivered. Unknown keys are refused. */
export interface FetchPcapOptions extends ExplainOptions {
  /**
   * Whether an answer counts only if the source can answer for the whole window: else, and where damage cost packets, or the
   * source does not know what it has, the fetch fails with `COVERAGE_INCOMPLETE`. It is about time alone: an answer that a limit cut, or
   * of which the client's role may not see all, does not fail for it; `shortcomings` says so. Default: false.
   */
  requireCoverage?: boolean | undefined;
  /** The most pcap bytes in the answer, its 24-byte file header included, at least 24. Default: the server's limit. */
  maxBytes?: number | undefined;
  /** The most packets in the answer, at least 1. Default: the server's limit. */
  maxPackets?: number | undefined;
  /**
   * How long to ask again, in milliseconds, where the server has no place for the request and says when it may and, with
   * `retryOutages`, where it can't be reached or not answer now: with the same uid, and only while nothing of an answer has come. The
   * time in which one comes does not count. Part of `timeoutMs`. Default: the client's, 30 000. 0: fail at once.
   */
  retryForMs?: number | undefined;
  /**
   * Whether to ask again, too, where there is no connection or it is lost, the server shuts down, or its packets can't be had now: after
   * a fraction of a second, then ever later up to 5 s, or when the server says. `toFile` and `summary` also do where that ends an
   * answer in the middle, and where `requireCoverage` fails for packets alone that are not on disk yet and whose time is known; they get
   * the answer anew from its beginning. Default: the client's, false.
   */
  retryOutages?: boolean | undefined;
  /** The most pcap bytes in one message, 1 KiB to 16 MiB; the server clamps it. Default: the server's, 256 KiB. */
  chunkBytes?: number | undefined;
  /** Correlates this retrieval with the server's log: 1 to 128 of [A-Za-z0-9._-], no dot first. Default: a UUID. */
  uid?: string | undefined;
}

const queryOptions = {
  from: z.custom<TimeInput>(isTime, { error: timeAdvice }),
  to: z.custom<TimeInput>(isTime, { error: timeAdvice }),
  filter: filterText.optional(),
  dialect: filterDialect.optional(),
  vlanTransparent: z.boolean().optional(),
  restoreVlanTags: z.boolean().optional(),
  timestampResolution: z.enum(["microseconds", "nanoseconds"]).optional(),
  reason: z.string().min(1).max(1024).optional(),
  signal: abortSignal.optional(),
  timeoutMs: timeoutMs.optional(),
};

const explainOptionsSchema = strictOptions(queryOptions);
sameType<ExplainOptions, z.input<typeof explainOptionsSchema>>(true);

const fetchOptionsSchema = strictOptions({
  ...queryOptions,
  requireCoverage: z.boolean().optional(),
  maxBytes: z.int().min(captureHeaderBytes).optional(),
  maxPackets: z.int().min(1).optional(),
  retryForMs: retryForMs.optional(),
  retryOutages: z.boolean().optional(),
  chunkBytes: z.int().min(1024).max(16_777_216).optional(),
  uid: z
    .string()
    .regex(uidShape, "write 1 to 128 characters of [A-Za-z0-9._-], not starting with a dot")
    .optional(),
});
sameType<FetchPcapOptions, z.input<typeof fetchOptionsSchema>>(true);

/** Which packets, with everything decided. */
export interface QueryPlan {
  readonly window: { readonly startNs: bigint; readonly endNs: bigint };
  /** Empty: every packet. */
  readonly filter: string;
  /** Undefined without a filter. */
  readonly dialect: FilterDialect | undefined;
  readonly vlanTransparent: boolean;
  readonly restoreVlanTags: boolean;
  readonly timestampResolution: "microseconds" | "nanoseconds" | undefined;
  readonly reason: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/** One retrieval, with everything decided. */
export interface FetchPlan extends QueryPlan {
  readonly uid: string;
  readonly requireCoverage: boolean;
  readonly retryForMs: number;
  readonly retryOutages: boolean;
  readonly maxBytes: number | undefined;
  readonly maxPackets: number | undefined;
  readonly chunkBytes: number | undefined;
}

/** What the client says of all its calls. */
export interface CallDefaults {
  readonly timeoutMs?: number | undefined;
  readonly retryForMs?: number;
  readonly retryOutages?: boolean;
  readonly originalServer?: boolean;
}

/**
 * Checks the options of one retrieval and decides what they leave open.
 *
 * @throws StenographerError `OPTIONS_INVALID`, `TIME_INVALID` or `WINDOW_INVALID`
 */
export function planFetch(options: FetchPcapOptions, defaults: CallDefaults): FetchPlan {
  const checked = checkOptions("fetchPcap", fetchOptionsSchema, options);
  if (defaults.originalServer) refuseNewOptions("fetchPcap", checked);
  return {
    ...planQuery("fetchPcap", checked, defaults),
    uid: checked.uid ?? crypto.randomUUID(),
    requireCoverage: checked.requireCoverage ?? false,
    retryForMs: checked.retryForMs ?? defaults.retryForMs ?? 0,
    retryOutages: checked.retryOutages ?? defaults.retryOutages ?? false,
    maxBytes: checked.maxBytes,
    maxPackets: checked.maxPackets,
    chunkBytes: checked.chunkBytes,
  };
}

/**
 * The same for a call that fetches nothing.
 *
 * @throws StenographerError `OPTIONS_INVALID`, `TIME_INVALID` or `WINDOW_INVALID`
 */
export function planExplain(options: ExplainOptions, defaults: CallDefaults): QueryPlan {
  const checked = checkOptions("explain", explainOptionsSchema, options);
  if (defaults.originalServer) refuseNewOptions("explain", checked);
  return planQuery("explain", checked, defaults);
}

function planQuery(
  call: string,
  checked: z.output<typeof explainOptionsSchema>,
  { timeoutMs, originalServer = false }: CallDefaults,
): QueryPlan {
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
  const filter = checked.filter?.toString() ?? "";
  if (checked.filter !== undefined && filter.trim() === "") {
    throw optionsInvalid(`${call}: filter: is empty; leave it out to get every packet in the window`);
  }
  const dialect = chooseDialect(call, checked, originalServer);
  return {
    window: { startNs, endNs },
    filter,
    dialect: filter === "" ? undefined : dialect,
    vlanTransparent: checked.vlanTransparent ?? false,
    restoreVlanTags: checked.restoreVlanTags ?? false,
    timestampResolution: checked.timestampResolution,
    reason: checked.reason,
    signal: checked.signal,
    timeoutMs: checked.timeoutMs ?? timeoutMs,
  };
}

/** What the contract of 2019 has no word for must not be dropped in silence. */
function refuseNewOptions(call: string, checked: Partial<z.output<typeof fetchOptionsSchema>>): void {
  const options = [
    "vlanTransparent",
    "restoreVlanTags",
    "timestampResolution",
    "requireCoverage",
    "reason",
  ] as const;
  for (const option of options) {
    if (checked[option])
      throw optionsInvalid(`${call}: ${option}: an original server does not know it; leave it out`);
  }
}

function seconds(ns: bigint): number {
  return Number(ns) / 1e9;
}
