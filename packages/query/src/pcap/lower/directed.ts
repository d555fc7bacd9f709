import type { Direction } from "../ast.js";
import { all, any, type Condition } from "../condition.js";

/** The condition on the packet's source, its destination, both, or either. */
export function directed(
  direction: Direction | undefined,
  source: () => Condition,
  destination: () => Condition,
): Condition {
  switch (direction) {
    case "src":
      return source();
    case "dst":
      return destination();
    case "src and dst":
      return all(source(), destination());
    default:
      return any(source(), destination());
  }
}
