import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { finish, type PromiseOrValue, type Steps, together, wait } from "./steps.js";

function* sum(...values: PromiseOrValue<number>[]): Steps<number> {
  let result = 0;
  for (const value of values) result += yield* wait(value);
  return result;
}

const later = async (value: number): Promise<number> => {
  await setTimeout(1);
  return value;
};
const failing = (message: string): Promise<never> => Promise.reject(new Error(message));

describe("work in steps", () => {
  it("gives its result at once where all it needs is there", () => {
    expect(finish(sum(1, 2, 3))).toBe(6);
  });

  it("gives a promise where it has to wait, wherever that is", async () => {
    for (const values of [
      [later(1), 2, 3],
      [1, later(2), 3],
      [1, 2, later(3)],
      [later(1), later(2), later(3)],
    ]) {
      const result = finish(sum(...values));
      expect(result).toBeInstanceOf(Promise);
      expect(await result).toBe(6);
    }
  });

  it("never throws: what fails is a promise", async () => {
    // biome-ignore lint/correctness/useYield: it fails before it waits
    function* broken(): Steps<number> {
      throw new Error("broken");
    }
    await expect(finish(broken())).rejects.toThrow("broken");
    await expect(finish(sum(1, failing("late")))).rejects.toThrow("late");
  });

  it("catches, and cleans up, as around an await", async () => {
    const done: string[] = [];
    function* careful(value: PromiseOrValue<number>): Steps<number> {
      try {
        return yield* wait(value);
      } catch (error) {
        done.push(String(error));
        return yield* wait(later(0));
      } finally {
        yield* wait(later(1));
        done.push("cleaned up");
      }
    }
    expect(await finish(careful(failing("first")))).toBe(0);
    expect(await finish(careful(later(5)))).toBe(5);
    expect(done).toEqual(["Error: first", "cleaned up", "cleaned up"]);
  });

  it("that fails after it waited is a promise that rejects", async () => {
    function* late(): Steps<number> {
      yield* wait(later(1));
      throw new Error("after the wait");
    }
    await expect(finish(late())).rejects.toThrow("after the wait");
  });
});

describe("several at a time", () => {
  it("are there at once where each of them is", () => {
    expect(finish(together([sum(1), sum(2, 3)]))).toEqual([1, 5]);
    expect(finish(together([]))).toEqual([]);
  });

  it("begin while others wait", async () => {
    const begun: number[] = [];
    function* begin(number: number, value: PromiseOrValue<number>): Steps<number> {
      begun.push(number);
      return yield* wait(value);
    }
    const result = finish(together([begin(1, later(10)), begin(2, 20), begin(3, later(30))]));
    expect(begun).toEqual([1, 2, 3]);
    expect(await result).toEqual([10, 20, 30]);
  });

  it("fail with the first that does, and leave no rejection behind", async () => {
    const all = [sum(failing("first")), sum(1, failing("second")), sum(later(3))];
    await expect(finish(together(all))).rejects.toThrow("first");
  });
});
