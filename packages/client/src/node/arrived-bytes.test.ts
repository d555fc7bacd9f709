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

it("bytes that were dropped are not read", () => {
  const arrived = new ArrivedBytes();
  arrived.append(new Uint8Array(200_000));
  arrived.clear();
  expect(arrived.length).toBe(0);
  expect(arrived.take()).toBeUndefined();
  arrived.append(Uint8Array.of(7));
  expect(arrived.take()).toEqual(Uint8Array.of(7));
});
