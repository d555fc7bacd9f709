import type { AnyFilterNode } from "./any-filter.js";
import type { PcapFilterNode } from "./pcap/ast.js";
import { mapPcapPrimitives } from "./pcap/walk.js";
import type { FilterNode } from "./stenographer/ast.js";
import { mapPrimitives } from "./stenographer/walk.js";

/**
 * The filter with each relative time (`45m ago`) replaced by the instant it means at `nowNs`.
 *
 * @param nowNs nanoseconds since 1970 UTC
 */
export function resolveTimes(filter: FilterNode, nowNs: bigint): FilterNode;
export function resolveTimes(filter: PcapFilterNode, nowNs: bigint): PcapFilterNode;
export function resolveTimes(filter: AnyFilterNode, nowNs: bigint): AnyFilterNode;
export function resolveTimes(filter: AnyFilterNode, nowNs: bigint): AnyFilterNode {
  if (filter.kind === "pcap") {
    const expression = mapPcapPrimitives(filter.expression, (node) =>
      (node.kind === "before" || node.kind === "after") && node.time.kind === "ago"
        ? { kind: node.kind, time: { kind: "absolute", timestampNs: nowNs - node.time.nanoseconds } }
        : node,
    );
    return { kind: "pcap", expression };
  }
  return mapPrimitives(filter, (node) => {
    if (node.kind !== "before" && node.kind !== "after") return node;
    if (node.time.kind === "absolute") return node;
    return { kind: node.kind, time: { kind: "absolute", timestampNs: nowNs - node.time.nanoseconds } };
  });
}
