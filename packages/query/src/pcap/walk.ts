import { isPcapBinary, type PcapNode, type PcapPrimitiveNode } from "./ast.js";

/** Works something out of a filter from its primitives up, without the call stack. */
interface Fold<Result> {
  primitive(node: PcapPrimitiveNode): Result;
  not(operand: Result, node: PcapNode): Result;
  binary(kind: "and" | "or", left: Result, right: Result, node: PcapNode): Result;
}

/** Primitives are met from left to right. */
export function foldPcap<Result>(filter: PcapNode, fold: Fold<Result>): Result {
  const pending: { readonly node: PcapNode; readonly isDone: boolean }[] = [{ node: filter, isDone: false }];
  const done: Result[] = [];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { node, isDone } = item;
    if (isPcapBinary(node)) {
      if (isDone) {
        const right = done.pop() as Result; // both sides came before
        const left = done.pop() as Result; // see above
        done.push(fold.binary(node.kind, left, right, node));
      } else {
        pending.push(
          { node, isDone: true },
          { node: node.right, isDone: false },
          { node: node.left, isDone: false },
        );
      }
    } else if (node.kind === "not") {
      if (isDone)
        done.push(fold.not(done.pop() as Result, node)); // the operand came before
      else pending.push({ node, isDone: true }, { node: node.operand, isDone: false });
    } else {
      done.push(fold.primitive(node));
    }
  }
  return done[0] as Result; // one is left: that of the root
}

/** The same filter with each primitive replaced by what `replace` gives for it. */
export function mapPcapPrimitives(
  filter: PcapNode,
  replace: (node: PcapPrimitiveNode) => PcapNode,
): PcapNode {
  return foldPcap<PcapNode>(filter, {
    primitive: replace,
    not: (operand) => ({ kind: "not", operand }),
    binary: (kind, left, right) => ({ kind, left, right }),
  });
}

/** The primitives of a filter, from left to right. */
export function* pcapPrimitives(filter: PcapNode): Generator<PcapPrimitiveNode> {
  const pending: PcapNode[] = [filter];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isPcapBinary(node)) pending.push(node.right, node.left);
    else if (node.kind === "not") pending.push(node.operand);
    else yield node;
  }
}
