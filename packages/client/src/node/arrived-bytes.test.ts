import fc from "fast-check";
import { expect, it } from "vitest";
import { ArrivedBytes } from "./arrived-bytes.js";

it("bytes come out as they went in, and stay what they are when others come", () => {
  const longest = 300_000;
  const period = 251;
  const pattern = Uint8Array.from({ length: longest + period }, (_, i) => i % period);
  /** The bytes that are to come out from here on. */
  const expected = (at: number, bytes: number) => pattern.subarray(at % period, (at % period) + bytes);
  // How many bytes come, or null for a reader that takes what there is.
  const steps = fc.array(fc.option(fc.nat(longest)), { maxLength: 20 });
  fc.assert(
    fc.property(steps, (given) => {
      const arrived = new ArrivedBytes();
      const buffer = new Uint8Array(longest); // used again, as the socket's is
      const taken: Uint8Array[] = [];
      let came = 0;
      let read = 0;
      for (const step of [...given, null]) {
        if (step !== null) {
          buffer.set(expected(came, step));
          arrived.append(buffer.subarray(0, step));
          came += step;
        } else {
          for (let piece = arrived.take(); piece !== undefined; piece = arrived.take()) {
            taken.push(piece);
            read += piece.length;
          }
        }
        expect(arrived.length).toBe(came - read);
      }
      let at = 0;
      for (const piece of taken) {
        expect(Buffer.compare(piece, expected(at, piece.length))).toBe(0);
        at += piece.length;
      }
      expect(at).toBe(came);
    }),
  );
});

it("bytes come out as they went in where they are given back, in memory that is used again", () => {
  const period = 251;
  const longest = 300_000;
  const pattern = Uint8Array.from({ length: longest + period }, (_, i) => i % period);
  const expected = (at: number, bytes: number) => pattern.subarray(at % period, (at % period) + bytes);
  /** How many bytes come, how many pieces are read then, and how many of those that were read are given back. */
  const step = fc.tuple(fc.nat(longest), fc.nat(6), fc.nat(6));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const arrived = new ArrivedBytes();
      const held: { piece: Uint8Array; at: number }[] = [];
      let came = 0;
      let read = 0;
      for (const [bytes, reads, givesBack] of [...steps, [0, 1000, 1000]] as const) {
        arrived.append(expected(came, bytes).slice());
        came += bytes;
        for (let i = 0; i < reads; i++) {
          const piece = arrived.take();
          if (piece === undefined) break;
          held.push({ piece, at: read });
          read += piece.length;
        }
        for (const { piece } of held.splice(0, givesBack)) arrived.giveBack(piece);
        for (const { piece, at } of held) expect(Buffer.compare(piece, expected(at, piece.length))).toBe(0);
      }
      expect(read).toBe(came);
    }),
  );
});

it("a reader that gives all back is served from a few blocks", () => {
  const arrived = new ArrivedBytes();
  const memory = new Set<ArrayBufferLike>();
  const buffer = new Uint8Array(65_536);
  for (let i = 0; i < 1000; i++) {
    for (let j = 0; j < 1 + (i % 20); j++) arrived.append(buffer);
    for (let piece = arrived.take(); piece !== undefined; piece = arrived.take()) {
      memory.add(piece.buffer);
      arrived.giveBack(piece);
    }
  }
  expect(memory.size).toBeLessThan(20);
});

it("a piece may be transferred; what shares its memory and was not read is lost, which is said", () => {
  const transfer = (piece: Uint8Array | undefined): void => {
    const { buffer } = piece ?? new Uint8Array(0);
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }); // it is no shared one
  };
  const arrived = new ArrivedBytes();
  arrived.append(Uint8Array.of(1));
  transfer(arrived.take());
  arrived.append(Uint8Array.of(2));
  const piece = arrived.take();
  expect(piece).toEqual(Uint8Array.of(2));
  arrived.append(Uint8Array.of(3));
  transfer(piece);
  arrived.append(Uint8Array.of(4));
  expect(() => arrived.take()).toThrow("transfer a copy: piece.slice()");
});

it("bytes that were dropped are not read", () => {
  const arrived = new ArrivedBytes();
  arrived.append(new Uint8Array(200_000));
  arrived.clear();
  expect(arrived.length).toBe(0);
  expect(arrived.take()).toBeUndefined();
  arrived.append(Uint8Array.of(7));
  expect(arrived.take()).toEqual(Uint8Array.of(7));
});
