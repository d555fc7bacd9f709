import type { PcapNode } from "./ast.js";

/** A filter that can be read but not applied, to frames of this link type or to any. */
export class FilterMeaningError extends Error {
  override readonly name = "FilterMeaningError";
  readonly kind = "filter-meaning";

  constructor(
    message: string,
    /** The part of the filter that is meant. */
    readonly node?: PcapNode,
    /** What to write instead. */
    readonly hint?: string,
  ) {
    super(message);
  }
}
