import type { AnyFilterNode } from "./any-filter.js";
import type { FrameMatcher } from "./frame-matcher.js";
import { lower } from "./pcap/lower/lower.js";
import { program } from "./pcap/program.js";
import { compileStenographerFilter } from "./stenographer/compile.js";

/** What the frames are, and how they are looked at. */
export interface CompileOptions {
  /** Link type of the capture (LINKTYPE_ number of its header). */
  readonly linkType: number;
  /**
   * Byte order of the capture file: in BSD loopback captures (link type 0) it tells IPv4. Default: either is taken.
   * Only for filters in the pcap-filter language.
   */
  readonly byteOrder?: "little" | "big" | undefined;
  /**
   * Look behind VLAN tags wherever there are some, as if they were not there; `vlan 5` is then any tag of the frame.
   * Behind `geneve` that holds for the frame inside: `geneve and vlan 5` is a tag there.
   * Default false: only what stands behind `vlan` looks there, as in tcpdump. Stenographer's language always looks there.
   */
  readonly vlanTransparent?: boolean | undefined;
}

/**
 * Makes the function that decides frame by frame, by the rules of the language that the filter is in.
 *
 * A filter in the pcap-filter language matches what tcpdump would select from a file of this link type.
 *
 * @throws UnsupportedLinkTypeError; FilterMeaningError for a test that this link type has not; FilterCostError for a filter that may take
 *   more than 100,000 comparisons for a packet; TypeError if a time is still relative (see `resolveTimes`)
 */
export function compileFilter(filter: AnyFilterNode, options: CompileOptions): FrameMatcher {
  if (filter.kind !== "pcap") return compileStenographerFilter(filter, options.linkType);
  return program(lower(filter.expression, options));
}
