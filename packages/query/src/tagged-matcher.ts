import type { AnyFilterNode } from "./any-filter.js";
import { type CompileOptions, compileFilter } from "./compile-filter.js";
import type { FrameMatcher } from "./frame-matcher.js";
import { isVlanTag, overlooksTagged } from "./pcap/vlan-tags.js";

/** Where the Ethernet type is in frames that may have VLAN tags, by link type. */
const typeOffsets: ReadonlyMap<number, number> = new Map([
  [1, 12],
  [113, 14],
  [276, 0],
]);

/**
 * Makes the function that finds what a filter overlooks: frames with a VLAN tag that match behind it, where a filter in tcpdump's language does
 * not look. It is for frames that the filter has rejected. Of those without a tag it looks at two bytes.
 *
 * @returns undefined where the filter overlooks nothing: it looks behind tags, names one, or the link type has none
 * @throws FilterCostError where it may take too many comparisons behind tags: what was not counted must not look like none
 */
export function compileTaggedFilter(
  filter: AnyFilterNode,
  options: CompileOptions,
): FrameMatcher | undefined {
  const typeOffset = typeOffsets.get(options.linkType);
  if (typeOffset === undefined || !overlooksTagged(filter, options.vlanTransparent)) return undefined;
  const matches = compileFilter(filter, { ...options, vlanTransparent: true });
  return (bytes, frameOffset, capturedLength, originalLength, seconds, nanoseconds) => {
    if (typeOffset + 2 > capturedLength) return false;
    const at = frameOffset + typeOffset;
    // In range, see above.
    if (!isVlanTag(((bytes[at] as number) << 8) | (bytes[at + 1] as number))) return false;
    return matches(bytes, frameOffset, capturedLength, originalLength, seconds, nanoseconds);
  };
}
