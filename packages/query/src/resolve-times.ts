import type { FilterNode } from "./ast.js";
import { mapPrimitives } from "./walk.js";

/**
 * The filter with each relative time (`45m ago`) replaced by the instant it means at `nowNs`.
 *
 * @param nowNs nanoseconds since 1970 UTC
 */
export function resolveTimes(filter: FilterNode, nowNs: bigint): FilterNode {
  return mapPrimitives(filter, (node) => {
    if (node.kind !== "before" && node.kind !== "after") return node;
    if (node.time.kind === "absolute") return node;
    return { kind: node.kind, time: { kind: "absolute", timestampNs: nowNs - node.time.nanoseconds } };
  });
}
