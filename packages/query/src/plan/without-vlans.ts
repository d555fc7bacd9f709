import type { FilterNode } from "../stenographer/ast.js";
import { foldFilter } from "../stenographer/walk.js";

/**
 * A filter that asks for no VLAN id and still covers the same packets; undefined if it then asks for nothing.
 *
 * For frames whose outer tag is put back behind the index: the index has never seen that tag.
 */
export function withoutVlans(filter: FilterNode): FilterNode | undefined {
  return foldFilter<FilterNode | undefined>(
    filter,
    (node) => (node.kind === "vlan" ? undefined : node),
    (node, left, right) => {
      const { kind } = node;
      if (left === node.left && right === node.right) return node;
      if (left !== undefined && right !== undefined) return { kind, left, right };
      return kind === "and" ? (left ?? right) : undefined;
    },
  );
}
