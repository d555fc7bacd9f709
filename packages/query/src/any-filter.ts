import type { PcapFilterNode } from "./pcap/ast.js";
import type { FilterNode } from "./stenographer/ast.js";

/** A parsed filter in either language. */
export type AnyFilterNode = FilterNode | PcapFilterNode;

/**
 * The language of a filter's text: Stenographer's own, or pcap-filter(7), which is tcpdump's, with Stenographer's `before`
 * and `after` added.
 */
export type FilterDialect = "stenographer" | "pcap";
