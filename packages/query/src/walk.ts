import { type FilterNode, isBinary, type PrimitiveNode } from "./ast.js";

/**
 * The same filter with each primitive replaced by what `replace` gives for it.
 *
 * With a stack of its own: a filter of ten thousand `or`s is ten thousand levels deep.
 */
export function mapPrimitives(
  filter: FilterNode,
  replace: (primitive: PrimitiveNode) => FilterNode,
): FilterNode {
  const pending: FilterNode[] = [filter];
  const fromRight: FilterNode[] = [];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    fromRight.push(node);
    if (isBinary(node)) pending.push(node.left, node.right);
  }
  const done: FilterNode[] = [];
  for (let node = fromRight.pop(); node !== undefined; node = fromRight.pop()) {
    if (!isBinary(node)) {
      done.push(replace(node));
      continue;
    }
    const right = done.pop() as FilterNode; // both sides were visited before their parent
    const left = done.pop() as FilterNode; // see above
    done.push(left === node.left && right === node.right ? node : { kind: node.kind, left, right });
  }
  return done[0] as FilterNode; // one result is left: that of the root
}

/** The primitives of a filter, from left to right. */
export function* primitives(filter: FilterNode): Generator<PrimitiveNode> {
  const pending: FilterNode[] = [filter];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isBinary(node)) pending.push(node.right, node.left);
    else yield node;
  }
}
