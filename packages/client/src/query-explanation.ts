import type { ExplainQueryResponse } from "@stenogrpc/protocol";
import type { QueryPlan } from "./fetch-options.js";
import { checkDialect, type FilterDialect } from "./filter-dialect.js";
import { windowJson } from "./result-json.js";
import { timestampNs } from "./well-known-types.js";
import { withJson } from "./with-json.js";

/** What a retrieval may cost the sensor, at most. */
export interface QueryCost {
  /** Files that touch the window. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
}

/** What a server would do for a fetch: a plain object, times in nanoseconds since the epoch. `JSON.stringify` prints them in RFC 3339. */
export interface QueryExplanation {
  /** The language that the filter was read in. Undefined without a filter. */
  readonly filterDialect: FilterDialect | undefined;
  /** The filter, as the server understood it. Empty: every packet. */
  readonly filter: string;
  /** The window, half-open. */
  readonly window: { readonly startNs: bigint; readonly endNs: bigint };
  /** What an index is asked for besides time, in Stenographer's language. Empty: it can't help, or there is none. */
  readonly index: string;
  /** What is matched packet by packet on the server. Empty: nothing but the window. */
  readonly residual: string;
  /** The plan in words, one fact each. */
  readonly explanation: string[];
  /** Kind of source: "stenoread", "stenographer", "directory", ... */
  readonly source: string;
  /** Name of the sensor. */
  readonly sensor: string;
  /** Whether the source chooses packets by an index; one without reads every packet of the files that touch the window. */
  readonly usesIndex: boolean;
  /** What may be read at most. Undefined: the source does not know. */
  readonly cost?: QueryCost;
}

/**
 * A server's explanation, held against what was asked.
 *
 * @throws StenographerError `DIALECT_MISMATCH` or `MALFORMED_ANSWER`
 */
export function queryExplanation(response: ExplainQueryResponse, plan: QueryPlan): QueryExplanation {
  const { windowStart, windowEnd, cost } = response;
  checkDialect(plan.dialect, response.filterDialect);
  const explanation: QueryExplanation = {
    filterDialect: plan.dialect,
    filter: response.filter,
    window: {
      startNs: windowStart ? timestampNs(windowStart, "the window's start") : plan.window.startNs,
      endNs: windowEnd ? timestampNs(windowEnd, "the window's end") : plan.window.endNs,
    },
    index: response.index,
    residual: response.residual,
    explanation: [...response.explanation],
    source: response.source,
    sensor: response.sensor,
    usesIndex: response.usesIndex,
    ...(cost && { cost: { files: Number(cost.files), bytes: Number(cost.bytes) } }),
  };
  return withJson(explanation, explanationJson);
}

function explanationJson({ window, cost, filterDialect, ...rest }: QueryExplanation) {
  return {
    ...rest,
    filterDialect: filterDialect ?? null,
    window: windowJson(window),
    cost: cost ?? null,
  };
}
