import { expect, it } from "vitest";
import { writeToEnd } from "./write-to-end.js";

const bytes = Uint8Array.of(1, 2, 3, 4, 5);

it("writes what a short write left", () => {
  const written: number[] = [];
  writeToEnd(1, bytes, (_, piece) => written.push(...piece.subarray(0, 2)) && Math.min(piece.length, 2));
  expect(written).toEqual([...bytes]);
});

it("throws where the disk is full after a part", () => {
  let room = 3;
  const write = (_: number, piece: Uint8Array): number => {
    if (room === 0) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    const taken = Math.min(piece.length, room);
    room -= taken;
    return taken;
  };
  expect(() => writeToEnd(1, bytes, write)).toThrow("ENOSPC");
});
