import type { AnyFilterNode } from "./any-filter.js";
import { printPcapFilter } from "./pcap/print.js";
import { printStenographerFilter } from "./stenographer/print.js";

/**
 * The filter as canonical text: lower case, single spaces, every `and` and `or` in parentheses, times in UTC.
 *
 * Begins with a letter or `(`. It parses to the same tree in its own language, and every Stenographer, or tcpdump, accepts
 * it and reads the same in it.
 *
 * @throws RangeError for a number or time in the tree that no filter can hold
 */
export function printFilter(filter: AnyFilterNode): string {
  return filter.kind === "pcap" ? printPcapFilter(filter) : printStenographerFilter(filter);
}
