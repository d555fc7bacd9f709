import { type CompileOptions, compileFilter } from "../src/compile-filter.js";
import { parseFilter } from "../src/parse-filter.js";
import { concat } from "./bytes.js";

/** Which of the filters, in tcpdump's language, match a whole frame; Ethernet, unless `options` say otherwise. */
export function matchingFilters(
  frame: Uint8Array,
  filters: readonly string[],
  options: Partial<CompileOptions> = {},
): string[] {
  // Not at the start of the memory, and with something behind it: only the frame itself may count.
  const memory = concat(new Uint8Array(5).fill(0x81), frame, new Uint8Array(64).fill(0x06));
  return filters.filter((text) =>
    compileFilter(parseFilter(text, { dialect: "pcap" }), { linkType: 1, ...options })(
      memory,
      5,
      frame.length,
      frame.length,
      0,
      0,
    ),
  );
}
