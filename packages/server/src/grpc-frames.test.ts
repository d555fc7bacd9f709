import { create, toBinary } from "@bufbuild/protobuf";
import { ResponseSchema } from "@stenogrpc/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { encodePcapPrefix, envelopeBytes, PcapPrefixes } from "./grpc-frames.js";

it("makes, with the packets behind it, the message that protobuf would have encoded", () => {
  const sizes = fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 16_383, 16_384, 2_097_151, 2_097_152));
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), sizes, (uid, size) => {
      const pcap = new Uint8Array(size).fill(7);
      const expected = toBinary(ResponseSchema, create(ResponseSchema, { uid, pcap }));
      const framed = Buffer.concat([encodePcapPrefix(uid, size), pcap]);
      expect(framed[0]).toBe(0);
      expect(framed.readUInt32BE(1)).toBe(expected.length);
      expect(framed.subarray(envelopeBytes).equals(expected)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

it("gives the same when it remembers, for every change of uid and size", () => {
  const prefixes = new PcapPrefixes();
  for (const [uid, size] of [
    ["a", 5],
    ["a", 5],
    ["a", 6],
    ["b", 6],
    ["b", 0],
    ["", 0],
    ["a", 5],
  ] as const)
    expect(prefixes.of(uid, size)).toEqual(encodePcapPrefix(uid, size));
});
