import { describe, expect, it, vi } from "vitest";
import { decodeAll, waysToCut } from "../test-support/feed.js";
import { concat, counting, layout, u16, u32, u64 } from "../test-support/layout.js";
import { blocks } from "../test-support/pcapng.js";
import { CaptureDecoder, type CutTail } from "./capture-decoder.js";
import { CaptureError } from "./capture-error.js";

const little = blocks("little");
const big = blocks("big");
const ethernetHeader = { byteOrder: "little", resolution: "nanoseconds", snaplen: 262_144, linkType: 1 };

function record(timestampNs: bigint, data: Uint8Array, originalLength = data.length) {
  return { timestampNs, capturedLength: data.length, originalLength, linkType: 1, data };
}

function damage(bytes: Uint8Array) {
  const { records, error } = decodeAll([bytes]);
  return { packets: records.length, error };
}

function error(kind: CaptureError["kind"], byteOffset: number, message: string): CaptureError {
  return new CaptureError(kind, byteOffset, message);
}

describe.each(["little", "big"] as const)("a %s-endian pcapng", (byteOrder) => {
  const {
    section,
    interface: description,
    enhanced,
    packet,
    simple,
    block,
    resolution,
    comment,
    endOfOptions,
  } = blocks(byteOrder);
  const file = concat(
    section(0, comment("a comment on the section"), endOfOptions),
    block(0x0bad, counting(20)), // an unknown block before any interface
    description(1, 100, comment("eth0"), resolution(9), endOfOptions),
    enhanced(0, 1_700_000_000_000_000_001n, counting(5)),
    block(4, counting(8)), // name resolution, which we skip
    description(1, 0),
    enhanced(1, 1_700_000_000_000_002n, counting(62, 7), 1500, comment("on a packet"), endOfOptions),
    block(0x8000_0001), // an unknown block without a body
    packet(1, 1_700_000_000_000_003n, counting(4, 9), 77),
    simple(counting(100, 3), 200), // cut by the snaplen of interface 0
    simple(counting(6), 6),
    block(5, counting(40)), // interface statistics
  );

  it.each(waysToCut(file))("gives the same records, $name", ({ chunks }) => {
    expect(decodeAll(chunks)).toEqual({
      header: ethernetHeader,
      records: [
        record(1_700_000_000_000_000_001n, counting(5)),
        record(1_700_000_000_000_002_000n, counting(62, 7), 1500),
        record(1_700_000_000_000_003_000n, counting(4, 9), 77),
        record(0n, counting(100, 3), 200),
        record(0n, counting(6)),
      ],
      error: undefined,
    });
  });
});

describe("sections", () => {
  const file = concat(
    little.section(),
    little.interface(1, 0, little.resolution(3)),
    little.enhanced(0, 5n, counting(3)),
    big.section(2), // minor version 2, which means 0
    big.interface(1, 0, big.resolution(9), big.offset(-1n), big.endOfOptions),
    big.enhanced(0, 5_000_000_006n, counting(4)),
  );

  it.each(waysToCut(file))(
    "may change the byte order, and describe their interfaces anew, $name",
    ({ chunks }) => {
      expect(decodeAll(chunks)).toMatchObject({
        records: [record(5_000_000n, counting(3)), record(4_000_000_006n, counting(4))],
        error: undefined,
      });
    },
  );

  it("forget the interfaces of the section before", () => {
    const bytes = concat(
      little.section(),
      little.interface(),
      little.section(),
      little.enhanced(0, 1n, counting(4)),
    );
    expect(damage(bytes).error).toEqual(
      error(
        "corrupt",
        76,
        "corrupt packet block at byte 76: names interface 0, which its section has not described",
      ),
    );
  });

  it("of another version are refused by name", () => {
    const bytes = concat(little.section(), little.interface(), little.section(1));
    expect(damage(bytes).error).toEqual(
      error("unsupported", 60, "pcapng version 1.1 at byte 60 is not supported, only 1.0"),
    );
  });
});

describe("interfaces", () => {
  it("may be described in between, with their own resolutions and offsets", () => {
    const bytes = concat(
      little.section(),
      little.interface(113, 0, little.resolution(0x8a), little.endOfOptions),
      little.enhanced(0, 1024n + 512n, counting(1)),
      little.interface(113, 0, little.offset(1_000_000n), little.endOfOptions),
      little.enhanced(1, 1_500_000n, counting(2)),
      little.enhanced(0, 2048n, counting(3)),
    );
    expect(decodeAll([bytes]).records).toMatchObject([
      { timestampNs: 1_500_000_000n, linkType: 113 },
      { timestampNs: 1_000_001_500_000_000n, linkType: 113 },
      { timestampNs: 2_000_000_000n, linkType: 113 },
    ]);
  });

  const mixed = concat(
    little.section(),
    little.interface(1),
    little.interface(101),
    little.enhanced(0, 1n, counting(4)),
    little.enhanced(1, 2n, counting(4)),
  );

  it.each(waysToCut(mixed))(
    "of another link type are refused when a packet of theirs comes, $name",
    ({ chunks }) => {
      const { records, error: thrown } = decodeAll(chunks);
      expect(records).toEqual([record(1000n, counting(4))]);
      expect(thrown).toEqual(
        error("mixed-link-types", 104, "packet at byte 104 is raw IP (101) in a capture of Ethernet (1)"),
      );
    },
  );

  it.each([
    ["behind", [1, 101], 0],
    ["in front of", [101, 1], 1],
  ] as const)(
    "of another link type do no harm without packets, %s the packets' own",
    (_, linkTypes, used) => {
      const bytes = concat(
        little.section(),
        ...linkTypes.map((linkType) => little.interface(linkType)),
        little.enhanced(used, 1n, counting(4)),
      );
      for (const { name, chunks } of waysToCut(bytes)) {
        expect({ name, ...decodeAll(chunks) }).toMatchObject({
          name,
          records: [record(1000n, counting(4))],
          error: undefined,
        });
      }
    },
  );

  it("of a section without packets do no harm, either", () => {
    const bytes = concat(
      little.section(),
      little.interface(101),
      little.section(),
      little.interface(1),
      little.enhanced(0, 1n, counting(4)),
    );
    expect(damage(bytes)).toEqual({ packets: 1, error: undefined });
  });

  it("give a capture without packets the link type of the first", () => {
    const bytes = concat(little.section(), little.interface(113), little.interface(1));
    for (const { name, chunks } of waysToCut(bytes)) {
      const decoder = new CaptureDecoder();
      for (const chunk of chunks) decoder.push(chunk);
      expect({ name, header: decoder.header }).toEqual({ name, header: undefined });
      decoder.end();
      expect({ name, header: decoder.header }).toEqual({
        name,
        header: { ...ethernetHeader, linkType: 113 },
      });
    }
  });

  it("cannot be described without end", () => {
    const description = little.interface();
    const bytes = concat(little.section(), ...Array.from({ length: 65_537 }, () => description));
    expect(damage(bytes).error).toMatchObject({
      kind: "unsupported",
      message: `interface block at byte ${28 + 65_536 * 20} is number 65537 of its section`,
    });
  });
});

describe("a time that a pcap record cannot hold", () => {
  it.each([
    [0xffff_ffffn * 1_000_000n + 999_999n, 0n, undefined],
    [
      0x1_0000_0000n * 1_000_000n,
      0n,
      "packet at byte 64 has a time of 4294967296 s, which a pcap record cannot hold",
    ],
    [1_000_000n, -2n, "packet at byte 64 has a time of -1 s, which a pcap record cannot hold"],
  ])("is refused: %i units and %i s", (units, offset, message) => {
    const bytes = concat(
      little.section(),
      little.interface(1, 0, little.offset(offset), little.endOfOptions),
      little.enhanced(0, units, counting(4)),
    );
    expect((damage(bytes).error as Error | undefined)?.message).toBe(message);
  });
});

describe("damage", () => {
  const front = concat(little.section(), little.interface(), little.enhanced(0, 1n, counting(4)));
  const frontBytes = 28 + 20 + 36;
  /** A block of which the length fields say what they like. */
  const raw = (type: number, length: number, body: Uint8Array, trailer = length) =>
    layout("little", u32(type), u32(length), body, u32(trailer));
  const enhancedBody = (interfaceId: number, capturedLength: number) =>
    layout("little", u32(interfaceId), u32(0), u32(1), u32(capturedLength), u32(4), counting(4));

  it.each([
    [
      "a trailer that differs",
      raw(6, 36, enhancedBody(0, 4), 40),
      frontBytes + 32,
      "corrupt block at byte 84: length 36 in front, but 40 at its end (byte 116)",
    ],
    [
      "a skipped block's trailer that differs",
      raw(0x99, 20, counting(8), 24),
      frontBytes + 16,
      "corrupt block at byte 84: length 20 in front, but 24 at its end (byte 100)",
    ],
    [
      "a length under the fixed fields",
      raw(6, 28, counting(30)),
      frontBytes,
      "corrupt enhanced packet block at byte 84: has length 28, which is under the 32 bytes it needs",
    ],
    [
      "an unknown block that cannot hold its own lengths",
      raw(0x99, 8, counting(8)),
      frontBytes,
      "corrupt block at byte 84: has length 8, which is under the 12 bytes it needs",
    ],
    [
      "a length that is not aligned",
      raw(6, 37, counting(40)),
      frontBytes,
      "corrupt enhanced packet block at byte 84: has length 37, which is not a multiple of 4",
    ],
    [
      "a length over the ceiling",
      raw(6, 0xffff_fff0, counting(40)),
      frontBytes,
      "corrupt enhanced packet block at byte 84: has length 4294967280, which is over the ceiling of 1310755",
    ],
    [
      "an interface block over the ceiling",
      raw(1, 0x7fff_fff0, counting(40)),
      frontBytes,
      "corrupt interface block at byte 84: has length 2147483632, which is over the ceiling of 1048596",
    ],
    [
      "a simple packet over the ceiling",
      raw(3, 0x7fff_fff0, counting(40)),
      frontBytes,
      "corrupt simple packet block at byte 84: has length 2147483632, which is over the ceiling of 262163",
    ],
    [
      "an obsolete packet block that is too short",
      raw(2, 16, counting(4)),
      frontBytes,
      "corrupt packet block at byte 84: has length 16, which is under the 32 bytes it needs",
    ],
    [
      "a capture length over its block",
      raw(6, 36, enhancedBody(0, 5)),
      frontBytes,
      "corrupt packet block at byte 84: has capture length 5, which is over the 4 bytes its block has for it",
    ],
    [
      "a capture length over the ceiling",
      raw(6, 36, enhancedBody(0, 300_000)),
      frontBytes,
      "corrupt packet block at byte 84: has capture length 300000, which is over 262144",
    ],
    [
      "a simple packet longer than its block",
      little.block(3, u32(8), counting(4)),
      frontBytes,
      "corrupt packet block at byte 84: has capture length 8, which is over the 4 bytes its block has for it",
    ],
    [
      "an interface nobody described",
      raw(6, 36, enhancedBody(1, 4)),
      frontBytes,
      "corrupt packet block at byte 84: names interface 1, which its section has not described",
    ],
    [
      "a section header without magic",
      little.block(0x0a0d0d0a, u32(0x11111111), u16(1), u16(0), u64(0n)),
      frontBytes + 8,
      "corrupt section header at byte 92: has no byte-order magic",
    ],
    [
      "an option that runs out of its block",
      little.interface(1, 0, layout("little", u16(2), u16(9), u32(0))),
      frontBytes + 16,
      "corrupt option 2 at byte 100: has length 9 and runs out of its block",
    ],
    [
      "if_tsresol of two bytes",
      little.interface(1, 0, layout("little", u16(9), u16(2), u32(0))),
      frontBytes + 16,
      "corrupt option if_tsresol at byte 100: has length 2 instead of 1",
    ],
    [
      "if_tsoffset of four bytes",
      little.interface(1, 0, layout("little", u16(14), u16(4), u32(0))),
      frontBytes + 16,
      "corrupt option if_tsoffset at byte 100: has length 4 instead of 8",
    ],
  ])("is named with its byte, after the records before it: %s", (_name, bytes, byteOffset, message) => {
    for (const { name, chunks } of waysToCut(concat(front, bytes))) {
      const { records, error: thrown } = decodeAll(chunks);
      expect({ name, packets: records.length, thrown }).toEqual({
        name,
        packets: 1,
        thrown: error("corrupt", byteOffset, message),
      });
    }
  });

  it("of the first interface leaves no header", () => {
    const bytes = concat(little.section(), little.simple(counting(4)));
    expect(damage(bytes).error).toEqual(
      error(
        "corrupt",
        28,
        "corrupt packet block at byte 28: names interface 0, which its section has not described",
      ),
    );
  });
});

describe("a stream that ends early", () => {
  const skippedBlock = little.block(0x99, counting(8));
  const file = concat(
    little.section(),
    little.interface(),
    little.enhanced(0, 1n, counting(4)),
    skippedBlock,
  );

  it.each([
    [20, 0, 28, 20],
    [11, 0, 12, 11],
    [30, 28, 8, 2],
    [40, 28, 20, 12],
    [48 + 20, 48, 36, 20],
    [84 + 7, 84, 8, 7],
    [84 + 8, 84, 20, 8], // within a block that is skipped
    [84 + 13, 84, 20, 13],
    [84 + 19, 84, 20, 19], // within its trailer
  ])("names the block, cut to %i bytes", (length, start, need, have) => {
    for (const { name, chunks } of waysToCut(file.slice(0, length))) {
      expect({ name, error: decodeAll(chunks).error }).toEqual({
        name,
        error: error(
          "truncated",
          start,
          `truncated block at byte ${start}: needs ${need} bytes, stream ended after ${have}`,
        ),
      });
    }
  });

  it("goes to onCutTail when somebody takes it", () => {
    const tails: CutTail[] = [];
    const { records, error: thrown } = decodeAll([file.slice(0, 97)], {
      onCutTail: (tail) => tails.push(tail),
    });
    expect({ packets: records.length, thrown, tails }).toEqual({
      packets: 1,
      thrown: undefined,
      tails: [{ byteOffset: 84, have: 13, need: 20 }],
    });
  });

  it("is empty without an interface, whose link type the header would need", () => {
    expect(damage(little.section()).error).toEqual(
      error("empty", 28, "pcapng without an interface: the stream ended after 28 bytes"),
    );
  });
});

describe("memory", () => {
  it("does not hold a skipped block, however long it says it is", () => {
    const decoder = new CaptureDecoder();
    decoder.push(concat(little.section(), little.interface()));
    const before = process.memoryUsage().arrayBuffers;
    decoder.push(layout("little", u32(0x99), u32(0xffff_fffc)));
    const megabyte = new Uint8Array(2 ** 20);
    for (let i = 0; i < 64; i++) expect(decoder.push(megabyte)).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
    expect(() => decoder.end()).toThrow("needs 4294967292 bytes, stream ended after 67108872");
  });

  it("copies a chunk of nothing but small unknown blocks once, not once a block", () => {
    const front = concat(little.section(), little.interface());
    const chunk = concat(...Array.from({ length: 1000 }, () => little.block(0x99, u32(0))));
    const decoder = new CaptureDecoder();
    decoder.push(front);
    // Uint8Array inherits `set` from what all typed arrays share.
    const set = vi.spyOn(Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array, "set");
    try {
      expect(decoder.push(chunk)).toEqual([]);
      const copied = set.mock.calls.reduce((sum, [source]) => sum + source.length, 0);
      expect(copied).toBeGreaterThan(0);
      expect(copied).toBeLessThanOrEqual(2 * chunk.length);
    } finally {
      set.mockRestore();
    }
    decoder.end();
  });

  it("takes packets of every size from one chunk, more than it had room for before", () => {
    const packets = Array.from({ length: 700 }, (_, i) => counting(i, i));
    const bytes = concat(
      little.section(),
      little.interface(),
      ...packets.map((data, i) => (i % 3 === 0 ? little.simple(data) : little.enhanced(0, BigInt(i), data))),
    );
    const { records } = decodeAll([bytes]);
    expect(records).toHaveLength(700);
    // Not toEqual: it compares them element by element.
    expect(Buffer.compare(concat(...records.map(({ data }) => data)), concat(...packets))).toBe(0);
  });
});
