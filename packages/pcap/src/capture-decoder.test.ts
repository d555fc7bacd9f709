import { describe, expect, it } from "vitest";
import { classic } from "../test-support/classic.js";
import { decodeAll, waysToCut } from "../test-support/feed.js";
import { counting } from "../test-support/layout.js";

const two = [
  { seconds: 1_700_000_000, fraction: 5, data: counting(60) },
  { seconds: 1_700_000_001, fraction: 999_999, data: counting(3, 100), originalLength: 1500 },
];

describe.each([
  { byteOrder: "little", magic: 0xa1b2c3d4, resolution: "microseconds", unit: 1000n },
  { byteOrder: "big", magic: 0xa1b2c3d4, resolution: "microseconds", unit: 1000n },
  { byteOrder: "little", magic: 0xa1b23c4d, resolution: "nanoseconds", unit: 1n },
  { byteOrder: "big", magic: 0xa1b23c4d, resolution: "nanoseconds", unit: 1n },
] as const)(
  "a classic pcap, $byteOrder-endian with $resolution",
  ({ byteOrder, magic, resolution, unit }) => {
    const file = classic(two, { byteOrder, magic, snaplen: 96, network: 113 });

    it.each(waysToCut(file))("gives the same records, $name", ({ chunks }) => {
      expect(decodeAll(chunks)).toEqual({
        header: { byteOrder, resolution, snaplen: 96, linkType: 113 },
        records: [
          {
            timestampNs: 1_700_000_000_000_000_000n + 5n * unit,
            capturedLength: 60,
            originalLength: 60,
            linkType: 113,
            data: counting(60),
          },
          {
            timestampNs: 1_700_000_001_000_000_000n + 999_999n * unit,
            capturedLength: 3,
            originalLength: 1500,
            linkType: 113,
            data: counting(3, 100),
          },
        ],
        error: undefined,
      });
    });
  },
);
