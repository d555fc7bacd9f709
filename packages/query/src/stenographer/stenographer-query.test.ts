import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ethernetFrame, likelyFilter } from "../../test-support/arbitraries.js";
import { answer, type StoredFile, type StoredPacket } from "../../test-support/daemon.js";
import { indexKeys } from "../../test-support/index-keys.js";
import { compileFilter } from "../compile-filter.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { parseTime } from "../time.js";
import { stenographerQuery } from "./stenographer-query.js";

const secondNs = 1_000_000_000n;
const at = (text: string) => parseTime(text) ?? fail();
function fail(): never {
  throw new Error("not a time");
}

const window = { startNs: at("2023-11-14T22:13:20Z"), endNs: at("2023-11-14T22:14:20Z") };

describe("stenographerQuery", () => {
  it("moves the start of the window by what a file holds, and keeps its end", () => {
    expect(stenographerQuery(undefined, window)).toBe(
      "(after 2023-11-14T22:13:05Z and before 2023-11-14T22:14:20Z)",
    );
  });

  it("puts the filter behind the window, in parentheses of its own", () => {
    expect(stenographerQuery(parseFilter("port 80 or port 81"), window)).toBe(
      "((after 2023-11-14T22:13:05Z and before 2023-11-14T22:14:20Z) and (port 80 or port 81))",
    );
  });

  it("moves further for files that last longer", () => {
    const text = stenographerQuery(undefined, window, { fileAgeSeconds: 300, blockageSeconds: 20 });
    expect(text).toBe("(after 2023-11-14T22:08:55Z and before 2023-11-14T22:14:20Z)");
  });

  it("moves the end as well when a block may wait for about a minute", () => {
    const text = stenographerQuery(undefined, window, { fileAgeSeconds: 120, blockageSeconds: 120 });
    expect(text).toBe("(after 2023-11-14T22:10:15Z and before 2023-11-14T22:15:25Z)");
  });

  it("moves the times inside the filter, too", () => {
    const filter = parseFilter("after 2023-11-14T22:14:00Z or before 2023-11-14T22:13:30.25Z");
    expect(stenographerQuery(filter, window)).toMatch(
      / and \(after 2023-11-14T22:13:45Z or before 2023-11-14T22:13:31Z\)\)$/,
    );
  });

  it("rounds to whole seconds, outwards", () => {
    const inside = { startNs: window.startNs + 1n, endNs: window.endNs + 1n };
    expect(stenographerQuery(undefined, inside)).toBe(
      "(after 2023-11-14T22:13:05Z and before 2023-11-14T22:14:21Z)",
    );
  });

  it("keeps to the years that can be written and mean what they say", () => {
    const text = stenographerQuery(undefined, { startNs: -(10n ** 21n), endNs: 10n ** 21n });
    expect(text).toBe("(after 1970-01-01T00:00:00Z and before 9999-12-31T23:59:59Z)");
    const ancient = stenographerQuery(parseFilter("before 0001-01-01T00:00:01Z"), window);
    expect(ancient).toContain("before 1970-01-01T00:00:00Z");
  });

  it("refuses relative times and senseless options", () => {
    expect(() => stenographerQuery(parseFilter("after 5m ago"), window)).toThrow(/resolveTimes/);
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => stenographerQuery(undefined, window, { fileAgeSeconds: value })).toThrow(RangeError);
      expect(() => stenographerQuery(undefined, window, { blockageSeconds: value })).toThrow(RangeError);
    }
  });

  interface Packet extends StoredPacket {
    readonly frame: Uint8Array;
  }

  const frames = fc.array(ethernetFrame, { minLength: 1, maxLength: 2 });
  /** Files as the capture program leaves them: packets from `blockage` before their name to `fileage` and more after. */
  const sensor = fc
    .record({ fileAge: fc.constantFrom(1, 60, 300, 3600), blockage: fc.constantFrom(1, 10, 59, 61, 240) })
    .chain(({ fileAge, blockage }) => {
      const offsetNs = fc.oneof(
        fc.bigInt(-BigInt(blockage) * secondNs, BigInt(fileAge + blockage + 2) * secondNs),
        fc.constantFrom(-BigInt(blockage) * secondNs, BigInt(fileAge + 2) * secondNs),
      );
      const file = fc
        .tuple(
          fc.bigInt(1_700_000_000_000_000n, 1_700_000_900_000_000n),
          fc.array(fc.tuple(offsetNs, frames), { maxLength: 4 }),
        )
        .map(([nameUs, groups]) => ({
          nameUs,
          packets: groups.flatMap(([offset, list]): Packet[] =>
            list.map((frame) => ({ timestampNs: nameUs * 1000n + offset, frame, keys: indexKeys(frame) })),
          ),
        }));
      return fc.record({
        fileAgeSeconds: fc.constant(fileAge),
        blockageSeconds: fc.constant(blockage),
        files: fc.array(file, { minLength: 1, maxLength: 3 }),
      });
    });
  const anyWindow = fc
    .tuple(fc.bigInt(1_699_999_000n * secondNs, 1_700_001_000n * secondNs), fc.bigInt(1n, 600n * secondNs))
    .map(([startNs, length]) => ({ startNs, endNs: startNs + length }));

  it("never misses a packet of the window that the filter matches", () => {
    let wantedInAll = 0;
    fc.assert(
      fc.property(sensor, likelyFilter, anyWindow, fc.nat(100), (stored, filter, span, pick) => {
        const packets = stored.files.flatMap((file) => file.packets as Packet[]); // they were made as such above
        // Half the windows begin at a packet: the edge is where one would be lost.
        const edge = packets[pick % 2 === 0 ? pick % Math.max(1, packets.length) : -1]?.timestampNs;
        const asked =
          edge === undefined ? span : { startNs: edge, endNs: edge + 1n + (span.endNs - span.startNs) / 2n };
        const text = stenographerQuery(filter, asked, stored);
        expect(printFilter(parseFilter(text))).toBe(text);
        const sent = answer(text, stored.files as readonly StoredFile[]);
        const matches = compileFilter(filter, { linkType: 1 });
        const wanted = packets.filter(
          ({ timestampNs, frame }) =>
            timestampNs >= asked.startNs &&
            timestampNs < asked.endNs &&
            matches(
              frame,
              0,
              frame.length,
              frame.length,
              Number(timestampNs / secondNs),
              Number(timestampNs % secondNs),
            ),
        );
        wantedInAll += wanted.length;
        expect(wanted.filter((packet) => !sent.has(packet))).toEqual([]);
      }),
      { numRuns: 600 },
    );
    expect(wantedInAll).toBeGreaterThan(150);
  });
});
