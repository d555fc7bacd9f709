import { expect, it } from "vitest";
import { MadeOnNeed } from "./made-on-need.js";

it("makes nothing before it is needed, and then one thing for all", async () => {
  let made = 0;
  const thing = new MadeOnNeed(async () => ++made);
  expect(await thing.ifMade()).toBeUndefined();
  expect(await Promise.all([thing.get(), thing.get()])).toEqual([1, 1]);
  expect(await thing.get()).toBe(1);
  expect(await thing.ifMade()).toBe(1);
});

it("makes it anew after a failure, which all who waited are told", async () => {
  let tries = 0;
  const thing = new MadeOnNeed(async () => {
    if (++tries === 1) throw new Error("not there yet");
    return tries;
  });
  const waiting = [thing.get(), thing.get()];
  expect(await thing.ifMade()).toBeUndefined();
  for (const each of waiting) await expect(each).rejects.toThrow("not there yet");
  expect(await thing.get()).toBe(2);
});
