import { describe, expect, it } from "vitest";
import { SeenNumbers } from "./seen-numbers.js";

describe("SeenNumbers", () => {
  it("remembers wanted numbers until the next frame begins", () => {
    const seen = new SeenNumbers();
    const slots = Array.from({ length: 100 }, (_, i) => seen.slotOf(1000 + i));
    expect(seen.slotOf(1050)).toBe(slots[50]);
    seen.begin();
    seen.note(1007);
    seen.note(5);
    expect(slots.filter((slot) => seen.has(slot))).toEqual([slots[7]]);
    seen.begin();
    expect(slots.filter((slot) => seen.has(slot))).toEqual([]);
  });

  it("does not take a number of 2^32 frames ago for one of now", () => {
    const seen = new SeenNumbers();
    const slot = seen.slotOf(10);
    seen.begin();
    seen.note(10);
    Object.assign(seen, { frame: 0xffffffff }); // as after 2^32 - 1 frames
    seen.begin();
    expect(seen.has(slot)).toBe(false);
    seen.note(10);
    expect(seen.has(slot)).toBe(true);
  });
});
