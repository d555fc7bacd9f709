import {
  compileFilter,
  FilterMeaningError,
  FilterSyntaxError,
  type PcapFilterNode,
  parseFilter,
} from "../src/index.js";

/** A text in tcpdump's language, parsed; undefined where that, or its meaning on Ethernet, is refused. */
export function usableFilter(text: string): PcapFilterNode | undefined {
  try {
    const filter = parseFilter(text, { dialect: "pcap" });
    compileFilter(filter, { linkType: 1 });
    return filter;
  } catch (problem) {
    if (problem instanceof FilterSyntaxError || problem instanceof FilterMeaningError) return undefined;
    throw problem;
  }
}
