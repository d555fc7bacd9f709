import type { Decision } from "./decision.js";

/**
 * How many comparisons a program makes for the packet that takes longest, at most.
 *
 * @param callCosts what each function costs, in comparisons
 */
export function worstCost({ nodes, first }: Decision, callCosts: readonly number[]): number {
  const costs: number[] = [];
  const costFrom = (at: number) => costs[at] ?? 0;
  // Nodes lead to those before them only.
  for (const { step, whenTrue, whenFalse, cases } of nodes) {
    let behind = Math.max(costFrom(whenTrue), costFrom(whenFalse));
    for (const node of cases?.values() ?? []) behind = Math.max(behind, costFrom(node));
    costs.push(behind + (step.call === undefined ? 1 : (callCosts[step.call] ?? 1)));
  }
  return costFrom(first);
}
