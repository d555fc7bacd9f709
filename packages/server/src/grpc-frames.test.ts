import { create, toBinary } from "@bufbuild/protobuf";
import { ResponseSchema } from "@stenogrpc/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { messagesOf } from "./answer-part.js";
import { envelopeBytes, PcapFrames } from "./grpc-frames.js";

/** A run of chunks of these sizes, each filled with its number. */
function runOf(sizes: readonly number[]) {
  const bytes = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)));
  let at = 0;
  const ends = sizes.map((size) => {
    at += size;
    return at;
  });
  return { bytes, ends };
}

const small = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(127, 128));
const large = fc.constantFrom(16_383, 16_384, 65_536, 2_097_151, 2_097_152);

it("makes the messages that protobuf would have encoded, the same as go one by one", async () => {
  const sizes = fc.oneof(
    fc.array(small, { minLength: 1, maxLength: 50 }),
    fc.array(fc.oneof(small, large), { minLength: 1, maxLength: 4 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme", maxLength: 200 }),
      fc.array(sizes, { minLength: 1, maxLength: 3 }),
      async (uid, runs) => {
        const frames = new PcapFrames(uid);
        for (const packets of runs.map(runOf)) {
          const framed = Buffer.concat(frames.of(packets));
          const expected: Uint8Array[] = [];
          for await (const message of messagesOf([{ uid, packets }])) {
            const encoded = toBinary(ResponseSchema, create(ResponseSchema, message));
            const envelope = Buffer.alloc(envelopeBytes);
            envelope.writeUInt32BE(encoded.length, 1);
            expected.push(envelope, encoded);
          }
          expect(Buffer.compare(framed, Buffer.concat(expected))).toBe(0);
        }
      },
    ),
    { numRuns: 200 },
  );
});

it("copies small messages together, and leaves large ones where they are", () => {
  const frames = new PcapFrames("u");
  expect(frames.of(runOf([10, 20, 30]))).toHaveLength(1);
  const packets = runOf([20_000, 20_000]);
  expect(frames.of(packets).map(({ buffer }) => buffer === packets.bytes.buffer)).toEqual([
    false,
    true,
    false,
    true,
  ]);
});
