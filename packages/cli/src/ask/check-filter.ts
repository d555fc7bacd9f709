import { type AnyFilterNode, type FilterDialect, FilterSyntaxError, parseFilter } from "@stenogrpc/query";
import { UsageError } from "../usage-error.js";

/** Parses a filter here, so that a slip shows its caret without a round trip. Throws UsageError. */
export function checkFilter(text: string, dialect: FilterDialect): AnyFilterNode {
  try {
    return parseFilter(text, { dialect });
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error;
    throw new UsageError(`filter: ${error.message}\n\n${indented(error.render())}\n`, { cause: error });
  }
}

/** Each line two columns in, so that a caret still stands under its place. */
export function indented(text: string): string {
  return text.replace(/^/gm, "  ");
}
