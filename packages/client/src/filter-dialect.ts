import { FilterDialect as WireDialect } from "@stenogrpc/protocol";
import { answerProblem } from "./answer-problem.js";
import { optionsInvalid } from "./check-options.js";

/** The language of a filter: pcap-filter(7), which is tcpdump's, or Stenographer's own. */
export type FilterDialect = "pcap" | "stenographer";

/** Filter text, or what prints itself as filter text, such as a filter of @stenogrpc/query's builder. */
export type FilterText = string | PrintableFilter;

/** What prints itself as filter text. */
export interface PrintableFilter {
  /** The language that it prints itself in. Numbers, lists and dates print themselves, too, and are no filters. */
  readonly dialect: FilterDialect;
  /** The filter as text. */
  toString(): string;
}

const wireDialects = {
  pcap: WireDialect.PCAP,
  stenographer: WireDialect.STENOGRAPHER,
} as const;

/** How the contract names a language. */
export function wireDialect(dialect: FilterDialect | undefined): WireDialect {
  return dialect === undefined ? WireDialect.UNSPECIFIED : wireDialects[dialect];
}

/**
 * Whether the server read the filter in the language it was sent in. One that does not know the field reads another.
 *
 * @throws StenographerError `DIALECT_MISMATCH`
 */
export function checkDialect(sent: FilterDialect | undefined, read: WireDialect, uid?: string): void {
  if (sent === undefined || read === wireDialects[sent]) return;
  const other = read === WireDialect.UNSPECIFIED ? "does not say in which" : `read it in ${nameOf(read)}`;
  throw answerProblem(
    "DIALECT_MISMATCH",
    `the filter was sent in ${nameOf(wireDialects[sent])}, and the server ${other}, so the packets may be others than were asked for; update the server, which may be too old to know the field`,
    uid,
  );
}

function nameOf(dialect: WireDialect): string {
  switch (dialect) {
    case WireDialect.PCAP:
      return "tcpdump's language";
    case WireDialect.STENOGRAPHER:
      return "Stenographer's language";
    default:
      return `language ${dialect}`;
  }
}

/**
 * The language that a filter is sent in: the one that is said, by the option or by the filter itself, else tcpdump's.
 * An original server knows only Stenographer's.
 *
 * @throws StenographerError `OPTIONS_INVALID` where what is said contradicts itself, or the server
 */
export function chooseDialect(
  call: string,
  { filter, dialect }: { readonly filter?: FilterText; readonly dialect?: FilterDialect },
  originalServer: boolean,
): FilterDialect {
  const own: unknown = typeof filter === "object" ? filter.dialect : undefined;
  if (typeof filter === "object" && own !== "pcap" && own !== "stenographer") {
    throw optionsInvalid(`${call}: filter: its dialect is neither "pcap" nor "stenographer"`);
  }
  const ofFilter = own as FilterDialect | undefined; // just checked
  if (ofFilter !== undefined && dialect !== undefined && ofFilter !== dialect) {
    throw optionsInvalid(
      `${call}: dialect: "${dialect}" contradicts the filter, which is in "${ofFilter}"; leave dialect out`,
    );
  }
  const said = dialect ?? ofFilter;
  if (originalServer && said === "pcap") {
    throw optionsInvalid(
      `${call}: dialect: an original server reads only Stenographer's language; write the filter in that, with dialect "stenographer" or none`,
    );
  }
  return said ?? (originalServer ? "stenographer" : "pcap");
}
