import { expect, it } from "vitest";
import { atOnce } from "./at-once.js";

it("works on every item, never on more than asked at once", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const items = [1, 2, 3, 4, 5, 6, 7];
  await atOnce(items, 3, async (item) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    running--;
    done.push(item);
  });
  expect(most).toBe(3);
  expect(done.toSorted()).toEqual(items);
});

it("fails with the first failure, once the work under way has ended", async () => {
  let ended = false;
  const work = async (item: string) => {
    await Promise.resolve();
    if (item === "bad") throw new Error("bad item");
    ended = true;
  };
  await expect(atOnce(["bad", "good"], 2, work)).rejects.toThrow("bad item");
  expect(ended).toBe(true);
});
