import { Readable } from "node:stream";
import { type BatchStage, decodeCapture, type RecordBatch } from "@stenogrpc/pcap";
import { pcapOf } from "@stenogrpc/testkit";
import { describe, expect, it } from "vitest";
import { type Budget, Budgets, withinBudget } from "./budgets.js";

const minute = 60_000;
const recordBytes = 16 + 10;

function budgetsAt(startMs = 1_000_000_000) {
  const clock = { ms: startMs };
  return { clock, budgets: new Budgets(() => clock.ms) };
}

function of(budget: Partial<Budget>): Budget {
  return { maxBytes: undefined, maxPackets: undefined, ...budget };
}

/** Packets of ten bytes in batches of the sizes given; gives how many pass. */
async function pass(stage: BatchStage, ...sizes: readonly number[]): Promise<number> {
  const packet = { timestampNs: 0n, data: new Uint8Array(10) };
  async function* batches(): AsyncGenerator<RecordBatch> {
    for (const size of sizes) {
      const bytes = pcapOf(Array.from({ length: size }, () => packet));
      yield* (await decodeCapture(Readable.from([bytes]))).batches;
    }
  }
  let passed = 0;
  for await (const { count } of stage(batches())) passed += count;
  return passed;
}

describe("a budget", () => {
  it("lets the packet pass that exactly reaches it, and says so only where one was left out", async () => {
    const { budgets } = budgetsAt();
    const verdict = { budgetUsedUp: false };
    const spending = () => budgets.open("a", of({ maxPackets: 5 }));
    expect(await pass(withinBudget(spending(), verdict), 2, 1)).toBe(3);
    expect(verdict.budgetUsedUp).toBe(false);
    expect(await pass(withinBudget(spending(), verdict), 2, 1)).toBe(2);
    expect(verdict.budgetUsedUp).toBe(true);
  });

  it("counts bytes with the headers of records and of the file", async () => {
    const { budgets } = budgetsAt();
    const verdict = { budgetUsedUp: false };
    const spending = budgets.open("a", of({ maxBytes: 24 + 2 * recordBytes }));
    expect(await pass(withinBudget(spending, verdict), 2)).toBe(2);
    expect(verdict.budgetUsedUp).toBe(false);
    const short = budgets.open("b", of({ maxBytes: 24 + 2 * recordBytes - 1 }));
    expect(await pass(withinBudget(short, verdict), 2)).toBe(1);
    expect(verdict.budgetUsedUp).toBe(true);
  });

  it("is one for all retrievals of an identity at once, and each identity has its own", async () => {
    const { budgets } = budgetsAt();
    const open = (identity: string) =>
      withinBudget(budgets.open(identity, of({ maxPackets: 5 })), { budgetUsedUp: false });
    const [first, second, other] = [open("a"), open("a"), open("b")];
    expect([await pass(first, 3), await pass(second, 3), await pass(other, 3)]).toEqual([3, 2, 3]);
  });

  it("is refused when it is used up, until what was taken first is wholly an hour ago", async () => {
    const { budgets, clock } = budgetsAt();
    const open = () => budgets.open("a", of({ maxPackets: 3 }));
    const refused = () => expect(open).toThrow(expect.objectContaining({ kind: "budget-exhausted" }));
    await pass(withinBudget(open(), { budgetUsedUp: false }), 3);
    refused();
    clock.ms += 60 * minute - 1;
    refused();
    let retryAfterMs = 0;
    try {
      open();
    } catch (error) {
      ({ retryAfterMs } = error as { retryAfterMs: number }); // a RequestError, as above
    }
    expect(retryAfterMs).toBeLessThanOrEqual(minute);
    clock.ms += retryAfterMs;
    expect(await pass(withinBudget(open(), { budgetUsedUp: false }), 3)).toBe(3);
  });

  it("slides: what was taken later stays taken", async () => {
    const { budgets, clock } = budgetsAt();
    const take = (packets: number) =>
      pass(withinBudget(budgets.open("a", of({ maxPackets: 4 })), { budgetUsedUp: false }), packets);
    expect(await take(2)).toBe(2);
    clock.ms += 30 * minute;
    expect(await take(1)).toBe(1);
    clock.ms += 31 * minute;
    expect(await take(9)).toBe(3);
  });

  it("is nobody's where a role has none, and then keeps no account", () => {
    const { budgets } = budgetsAt();
    expect(budgets.open("a", of({}))).toBeUndefined();
    expect(budgets.size).toBe(0);
  });

  it("remembers ten thousand identities, and forgets those that asked longest ago", () => {
    const { budgets } = budgetsAt();
    for (let i = 0; i < 10_001; i++) budgets.open(`client ${i}`, of({ maxPackets: 1 }));
    expect(budgets.size).toBe(10_000);
  });
});
