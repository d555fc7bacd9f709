import { setImmediate } from "node:timers/promises";
import { afterEach, expect, it, vi } from "vitest";
import { Lull } from "./lull.js";

afterEach(() => {
  vi.restoreAllMocks();
});

it("those who wait are told together, once, when a turn has passed without a read", async () => {
  vi.spyOn(performance, "now").mockReturnValue(0);
  const lull = new Lull();
  const told: string[] = [];
  lull.wait(() => told.push("first"));
  for (let turn = 0; turn < 100; turn++) {
    lull.notice();
    await setImmediate();
    if (turn === 50) lull.wait(() => told.push("second"));
  }
  expect(told).toEqual([]);
  await setImmediate();
  await setImmediate();
  expect(told).toEqual(["first", "second"]);
  await setImmediate();
  expect(told).toHaveLength(2);
});

it("those who wait are told in time on a connection that never rests, and may wait again", async () => {
  const now = vi.spyOn(performance, "now").mockReturnValue(0);
  const lull = new Lull();
  let told = 0;
  const wait = () =>
    lull.wait(() => {
      told++;
      wait();
    });
  wait();
  for (let turn = 1; turn <= 8; turn++) {
    now.mockReturnValue(turn * 10);
    lull.notice();
    await setImmediate();
  }
  expect(told).toBeGreaterThan(1);
  expect(told).toBeLessThan(8);
});
