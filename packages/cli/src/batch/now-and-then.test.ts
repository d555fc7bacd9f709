import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nowAndThen } from "./now-and-then.js";

describe("nowAndThen", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Counts how often it is done; it takes so many milliseconds. `askFor` asks for it ten times a second. */
  function counting(tookMs: number) {
    const done = { times: 0 };
    const ask = nowAndThen(async () => {
      done.times++;
      await new Promise((resolve) => setTimeout(resolve, tookMs));
    });
    const askFor = async (totalMs: number): Promise<void> => {
      for (let ms = 0; ms < totalMs; ms += 100) {
        void ask();
        await vi.advanceTimersByTimeAsync(100);
      }
    };
    return { done, ask, askFor };
  }

  it("is done at first, and then a second apart", async () => {
    const { done, askFor } = counting(0);
    await askFor(3000);
    expect(done.times).toBe(3);
  });

  it("is not done while it is being done, and less often where it takes long", async () => {
    const { done, ask, askFor } = counting(500);
    await askFor(10_400);
    expect(done.times).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    void ask();
    expect(done.times).toBe(2);
  });

  it("goes on where it failed", async () => {
    let times = 0;
    const ask = nowAndThen(async () => {
      times++;
      throw new Error("no");
    });
    await expect(ask()).rejects.toThrow("no");
    await vi.advanceTimersByTimeAsync(1000);
    await expect(ask()).rejects.toThrow("no");
    expect(times).toBe(2);
  });
});
