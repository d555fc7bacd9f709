import { setImmediate as eventLoop } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Turnstile } from "./turnstile.js";

const { signal: never } = new AbortController();

describe("a turnstile", () => {
  it("lets through at once where nobody else is there", async () => {
    const turnstile = new Turnstile(() => 0);
    let isDone = false;
    const passing = turnstile.pass({ identity: "a", signal: never }, () => {
      isDone = true;
      return 5;
    });
    expect(isDone).toBe(true);
    expect(await passing).toBe(5);
  });

  it("lets one through in a turn of the event loop, and clients one after the other", async () => {
    const turnstile = new Turnstile(() => 0);
    const done: string[] = [];
    const all = ["a1", "a2", "a3", "b1", "b2", "c1"].map((name) =>
      turnstile.pass({ identity: name.charAt(0), signal: never }, () => done.push(name)),
    );
    for (let turn = 1; turn <= all.length; turn++) {
      await Promise.resolve();
      expect(done).toHaveLength(turn);
      await eventLoop();
    }
    await Promise.all(all);
    expect(done).toEqual(["a1", "a2", "b1", "c1", "a3", "b2"]);
  });

  it("leaves others a quarter of the time that long work took", async () => {
    let nowMs = 0;
    const turnstile = new Turnstile(() => nowMs);
    await turnstile.pass({ identity: "a", signal: never }, () => {
      nowMs += 200;
    });
    const leftMs = performance.now();
    await turnstile.pass({ identity: "a", signal: never }, () => {});
    expect(performance.now() - leftMs).toBeGreaterThan(40);
  });

  it("goes on after work that fails, and after somebody who leaves the queue", async () => {
    const turnstile = new Turnstile(() => 0);
    const controller = new AbortController();
    const failing = turnstile.pass({ identity: "a", signal: never }, () => {
      throw new Error("no");
    });
    const leaving = turnstile.pass({ identity: "b", signal: controller.signal }, () => "never");
    const staying = turnstile.pass({ identity: "b", signal: never }, () => "done");
    const reason = new Error("left");
    controller.abort(reason);
    await expect(failing).rejects.toThrow("no");
    await expect(leaving).rejects.toBe(reason);
    expect(await staying).toBe("done");
    await eventLoop();
    expect(await turnstile.pass({ identity: "a", signal: never }, () => "at once")).toBe("at once");
    await expect(turnstile.pass({ identity: "a", signal: controller.signal }, () => 1)).rejects.toBe(reason);
  });
});
