import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Decision, decisionOf } from "./decision.js";
import { accept, compare, reject, type Step } from "./step.js";

const loads = [
  { op: 0, offset: 0, header: 0, register: -1, mask: -1 },
  { op: 0, offset: 1, header: 0, register: -1, mask: 0x0f },
  { op: 1, offset: 1, header: 0, register: -1, mask: -1 },
  { op: 0, offset: 3, header: 0, register: -1, mask: -1 },
] as const;

/** Programs over few loads and values, so that much is asked twice; one step in ten is a call. */
const program = fc
  .array(fc.tuple(fc.nat(9), fc.nat(3), fc.nat(9), fc.nat(2), fc.nat(1000), fc.nat(1000)), {
    minLength: 1,
    maxLength: 14,
  })
  .map((tests) =>
    tests.map(([dice, load, comparison, value, whenTrue, whenFalse], index): Step => {
      const target = (to: number) => (to % (index + 2)) - 2;
      return {
        ...loads[load as 0 | 1 | 2 | 3],
        comparison: (["gt", "ge", "set"] as const)[comparison] ?? "eq",
        value,
        call: dice === 0 ? index % 2 : undefined,
        whenTrue: target(whenTrue),
        whenFalse: target(whenFalse),
      };
    }),
  );

/** What a step loads from the frame; undefined if that is cut before. A call's answer depends on the first byte alone. */
function loaded({ op, offset, mask }: Step, frame: readonly number[]): number | undefined {
  const [high, low] = [frame[offset], frame[offset + 1]];
  if (high === undefined || (op === 1 && low === undefined)) return undefined;
  return (op === 1 ? high * 256 + (low ?? 0) : high) & mask;
}

function passes(step: Step, value: number, frame: readonly number[]): boolean {
  return step.call === undefined
    ? compare(value, step.comparison, step.value)
    : (frame[0] ?? 0) % 2 === step.call;
}

function runSteps(steps: readonly Step[], frame: readonly number[]): number {
  let at = steps.length - 1;
  for (let step = steps[at]; step !== undefined; step = steps[at]) {
    const value = step.call === undefined ? loaded(step, frame) : 0;
    if (value === undefined) return reject;
    at = passes(step, value, frame) ? step.whenTrue : step.whenFalse;
  }
  return at;
}

function runDecision({ nodes, first }: Decision, frame: readonly number[]): number {
  let at = first;
  for (let node = nodes[at]; node !== undefined; node = nodes[at]) {
    const { step, cases, whenTrue, whenFalse } = node;
    const value = step.call === undefined ? loaded(step, frame) : 0;
    if (value === undefined) return reject;
    at =
      cases === undefined
        ? passes(step, value, frame)
          ? whenTrue
          : whenFalse
        : (cases.get(value) ?? whenFalse);
  }
  return at;
}

describe("a program as a graph of decisions", () => {
  it("decides as the program does, also about frames that are cut", () => {
    const frames = fc.array(fc.array(fc.nat(2), { maxLength: 4 }), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(program, frames, (steps, some) => {
        const decision = decisionOf(steps, steps.length - 1)!; // small ones are never given up
        for (const frame of some) expect(runDecision(decision, frame)).toBe(runSteps(steps, frame));
      }),
      { numRuns: 3000 },
    );
  });

  it("asks once about all the values of one load", () => {
    const steps = Array.from({ length: 50 }, (_, i): Step => {
      return {
        ...loads[0],
        comparison: "eq",
        value: i,
        call: undefined,
        whenTrue: accept,
        whenFalse: i === 0 ? reject : i - 1,
      };
    });
    const { nodes } = decisionOf(steps, 49)!; // it is small
    expect(nodes).toHaveLength(1);
    expect(nodes[0]?.cases?.size).toBe(50);
  });

  it("is given up for a program about too many places", () => {
    const steps = Array.from({ length: 40 }, (_, i): Step => {
      const whenFalse = i === 0 ? reject : i - 1;
      return {
        ...loads[0],
        offset: i,
        comparison: "eq",
        value: 0,
        call: undefined,
        whenTrue: accept,
        whenFalse,
      };
    });
    expect(decisionOf(steps, 39)).toBeUndefined();
  });
});
