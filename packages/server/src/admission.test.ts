import { describe, expect, it } from "vitest";
import { Admission } from "./admission.js";

describe("admission", () => {
  it("gives as many places as there are, and no more until one comes back", () => {
    const admission = new Admission(2);
    const leave = admission.enter();
    admission.enter();
    expect(() => admission.enter()).toThrow(/all 2 places/);
    leave();
    admission.enter();
    expect(admission.running).toBe(2);
  });

  it("takes a place back once, however often it is given", () => {
    const admission = new Admission(2);
    const leave = admission.enter();
    admission.enter();
    leave();
    leave();
    expect(admission.running).toBe(1);
  });

  it("says when to come back", () => {
    const admission = new Admission(1);
    admission.enter();
    expect(() => admission.enter()).toThrow(
      expect.objectContaining({ kind: "no-free-slot", retryAfterMs: 1000 }),
    );
  });

  it("gives none once it is closed, and still takes back", () => {
    const admission = new Admission(5);
    const leave = admission.enter();
    admission.close();
    expect(() => admission.enter()).toThrow(expect.objectContaining({ kind: "draining" }));
    leave();
    expect(admission.running).toBe(0);
  });
});
