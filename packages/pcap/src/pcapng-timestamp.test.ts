import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PcapngTimestamp } from "./pcapng-timestamp.js";

function convert(resolution: number, offsetSeconds: number, units: bigint) {
  const timestamp = new PcapngTimestamp(resolution, offsetSeconds);
  timestamp.convert(Number(units >> 32n), Number(units & 0xffff_ffffn));
  return { seconds: timestamp.seconds, nanoseconds: timestamp.nanoseconds };
}

/** The definition, in bigints: floor(units * 10^9 / unitsPerSecond) nanoseconds. */
function byDefinition(resolution: number, units: bigint) {
  const exponent = BigInt(resolution & 0x7f);
  const unitsPerSecond = resolution >= 0x80 ? 2n ** exponent : 10n ** exponent;
  const ns = (units * 1_000_000_000n) / unitsPerSecond;
  return { seconds: Number(ns / 1_000_000_000n), nanoseconds: Number(ns % 1_000_000_000n) };
}

describe("PcapngTimestamp", () => {
  it.each([
    ["microseconds", 6, 1_700_000_000_123_456n, 1_700_000_000, 123_456_000],
    ["nanoseconds", 9, 1_700_000_000_123_456_789n, 1_700_000_000, 123_456_789],
    ["milliseconds", 3, 1_700_000_000_999n, 1_700_000_000, 999_000_000],
    ["seconds", 0, 1_700_000_000n, 1_700_000_000, 0],
    ["picoseconds, cut off", 12, 1_700_000_123_456_789_999n, 1_700_000, 123_456_789],
    ["1/1024 s", 0x8a, 1_700_000_000n * 1024n + 1n, 1_700_000_000, 976_562],
    ["2^-32 s, as NTP counts", 0xa0, (1_700_000_000n << 32n) + 0x8000_0000n, 1_700_000_000, 500_000_000],
    ["2^-32 s, the last one of a second", 0xa0, 0xffff_ffffn, 0, 999_999_999],
    ["whole seconds as a power of 2", 0x80, 1_700_000_000n, 1_700_000_000, 0],
  ])("reads %s", (_name, resolution, units, seconds, nanoseconds) => {
    expect(convert(resolution, 0, units)).toEqual({ seconds, nanoseconds });
  });

  it("adds if_tsoffset, which may be negative", () => {
    expect(convert(6, 1_700_000_000, 1_500_000n)).toEqual({
      seconds: 1_700_000_001,
      nanoseconds: 500_000_000,
    });
    expect(convert(6, -2, 1_500_000n)).toEqual({ seconds: -1, nanoseconds: 500_000_000 });
  });

  it("is exact for every resolution and every 64-bit value", () => {
    const units = fc.oneof(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.constantFrom(0n, 2n ** 32n - 1n, 2n ** 64n - 1n),
    );
    fc.assert(
      fc.property(fc.nat(255), units, (resolution, value) => {
        const expected = byDefinition(resolution, value);
        // Whole seconds above 2^53 have no exact number, and no pcap record either.
        fc.pre(Number.isSafeInteger(expected.seconds));
        expect(convert(resolution, 0, value)).toEqual(expected);
      }),
      { numRuns: 5000 },
    );
  });
});
