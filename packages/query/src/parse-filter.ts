import type { AnyFilterNode, FilterDialect } from "./any-filter.js";
import type { PcapFilterNode } from "./pcap/ast.js";
import { parsePcapFilter } from "./pcap/parser.js";
import type { FilterNode } from "./stenographer/ast.js";
import { parseStenographerFilter } from "./stenographer/parser.js";

/** How to read a filter. */
export interface ParseOptions {
  /** The language of the text. Default `stenographer`. */
  readonly dialect?: FilterDialect | undefined;
}

/**
 * Parses a filter: in Stenographer's language, or with `dialect: "pcap"` in that of tcpdump.
 *
 * @throws FilterSyntaxError
 */
export function parseFilter(text: string, options: { readonly dialect: "pcap" }): PcapFilterNode;
export function parseFilter(
  text: string,
  options?: { readonly dialect?: "stenographer" | undefined },
): FilterNode;
export function parseFilter(text: string, options?: ParseOptions): AnyFilterNode;
export function parseFilter(text: string, { dialect = "stenographer" }: ParseOptions = {}): AnyFilterNode {
  return dialect === "pcap" ? parsePcapFilter(text) : parseStenographerFilter(text);
}
