import { type BinaryNode, type FilterNode, isBinary, type PrimitiveNode } from "./ast.js";

/**
 * Works something out of a filter from its primitives up.
 *
 * With a stack of its own: a filter of ten thousand `or`s is ten thousand levels deep.
 */
export function foldFilter<Result>(
  filter: FilterNode,
  primitive: (node: PrimitiveNode) => Result,
  binary: (node: BinaryNode, left: Result, right: Result) => Result,
): Result {
  const pending: FilterNode[] = [filter];
  const fromRight: FilterNode[] = [];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    fromRight.push(node);
    if (isBinary(node)) pending.push(node.left, node.right);
  }
  const done: Result[] = [];
  for (let node = fromRight.pop(); node !== undefined; node = fromRight.pop()) {
    if (!isBinary(node)) {
      done.push(primitive(node));
      continue;
    }
    const right = done.pop() as Result; // both sides were visited before their parent
    const left = done.pop() as Result; // see above
    done.push(binary(node, left, right));
  }
  return done[0] as Result; // one result is left: that of the root
}

/** The same filter with each primitive replaced by what `replace` gives for it. */
export function mapPrimitives(
  filter: FilterNode,
  replace: (primitive: PrimitiveNode) => FilterNode,
): FilterNode {
  return foldFilter(filter, replace, (node, left, right) =>
    left === node.left && right === node.right ? node : { kind: node.kind, left, right },
  );
}

/** The primitives of a filter, from left to right. */
export function* primitives(filter: FilterNode): Generator<PrimitiveNode> {
  const pending: FilterNode[] = [filter];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isBinary(node)) pending.push(node.right, node.left);
    else yield node;
  }
}
