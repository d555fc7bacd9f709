import { compileFilter, FilterMeaningError, FilterSyntaxError, parseFilter } from "@stenogrpc/query";
import type { CaptureFile } from "./captures.js";

/** The numbers of the packets that we select, or why we refuse the filter. */
export function ours(text: string, { linkType, frames }: CaptureFile): number[] | string {
  try {
    const matches = compileFilter(parseFilter(text, { dialect: "pcap" }), { linkType, byteOrder: "little" });
    return frames.flatMap(({ data, originalLength }, i) =>
      matches(data, 0, data.length, originalLength, i, 0) ? [i] : [],
    );
  } catch (problem) {
    if (problem instanceof FilterSyntaxError || problem instanceof FilterMeaningError) return problem.message;
    throw problem;
  }
}
