import { describe, expect, it } from "vitest";
import { eventually } from "./eventually.js";

describe("eventually", () => {
  it("gives what the condition gave once it held", async () => {
    let looks = 0;
    const value = await eventually(() => (++looks === 3 ? "there" : undefined), { intervalMs: 1 });
    expect([value, looks]).toEqual(["there", 3]);
  });

  it("takes 0 and an empty string as held", async () => {
    expect(await eventually(() => 0)).toBe(0);
    expect(await eventually(() => "")).toBe("");
  });

  it("takes an exception as not yet, and names it when the time is over", async () => {
    let looks = 0;
    const failing = () => {
      looks++;
      throw new Error("no such file");
    };
    const error = await eventually(failing, { timeoutMs: 10, intervalMs: 1, what: "the file" }).catch(
      (e) => e,
    );
    expect(error.message).toBe("the file did not hold within 10 ms");
    expect(error.cause.message).toBe("no such file");
    expect(looks).toBeGreaterThan(1);
  });
});
