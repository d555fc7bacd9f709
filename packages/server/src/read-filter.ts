import type { StenoRequest } from "@stenogrpc/protocol";
import { FilterDialect as WireDialect } from "@stenogrpc/protocol";
import type { AnyFilterNode, FilterDialect } from "@stenogrpc/query";
import { FilterSyntaxError, parseFilter, resolveTimes } from "@stenogrpc/query";
import { RequestError } from "./request-error.js";

/** A request's filter, and the language it was read in. */
export interface ReadFilter {
  /** Its relative times resolved. Undefined: every packet. */
  readonly filter: AnyFilterNode | undefined;
  readonly dialect: FilterDialect | undefined;
}

/**
 * Reads a request's filter in the language that the request names.
 *
 * @throws FilterSyntaxError; RequestError "option-invalid" for a language that is not known here
 */
export function readFilter({ bpf, dialect }: StenoRequest, nowNs: bigint): ReadFilter {
  if (bpf.trim() === "") return { filter: undefined, dialect: undefined };
  const read = readIn(dialect, bpf);
  return { filter: resolveTimes(read.filter, nowNs), dialect: read.dialect };
}

function readIn(asked: WireDialect, text: string): { filter: AnyFilterNode; dialect: FilterDialect } {
  switch (asked) {
    case WireDialect.STENOGRAPHER:
      return { filter: parseFilter(text), dialect: "stenographer" };
    case WireDialect.PCAP:
      return { filter: parseFilter(text, { dialect: "pcap" }), dialect: "pcap" };
    case WireDialect.UNSPECIFIED:
      return readUnnamed(text);
    default:
      throw new RequestError("option-invalid", `dialect ${asked as number} is not known to this server`); // an open enum
  }
}

/**
 * Clients of the original name no language. What Stenographer understands keeps its meaning; what only tcpdump does, and
 * would be an error else, is answered as that. The summary says which it was.
 */
function readUnnamed(text: string): { filter: AnyFilterNode; dialect: FilterDialect } {
  try {
    return { filter: parseFilter(text), dialect: "stenographer" };
  } catch (stenographers) {
    try {
      return { filter: parseFilter(text, { dialect: "pcap" }), dialect: "pcap" };
    } catch (error) {
      // The language such a client means is Stenographer's, so its problem is told.
      throw error instanceof FilterSyntaxError ? stenographers : error;
    }
  }
}
