import type { PcapFilterNode } from "./ast.js";
import { checkMeaning } from "./lower/lower.js";
import { FilterMeaningError } from "./meaning-error.js";

export { FilterMeaningError } from "./meaning-error.js";

/** Ethernet first, since its problems are told; the others have tests of their own that Ethernet lacks. */
const candidates = [1, 276, 113, 101, 0];

/** Why the filter means nothing on any link type; undefined if it means something on one of them. */
export function lowestProblem(filter: PcapFilterNode): FilterMeaningError | undefined {
  let first: FilterMeaningError | undefined;
  for (const linkType of candidates) {
    try {
      checkMeaning(filter.expression, linkType);
      return undefined;
    } catch (problem) {
      if (!(problem instanceof FilterMeaningError)) throw problem;
      first ??= problem;
    }
  }
  return first;
}
