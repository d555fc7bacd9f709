/** A filter that would take too long over each packet. */
export class FilterCostError extends Error {
  override readonly name = "FilterCostError";
  readonly kind = "filter-cost";

  constructor(
    /** Comparisons that a packet may take. */
    readonly comparisons: number,
    /** The most that are made. */
    readonly most: number,
  ) {
    super(
      `the filter may take ${comparisons} comparisons a packet, and ${most} are the most; ask for parts of it, one after another, or for something simpler`,
    );
  }
}
