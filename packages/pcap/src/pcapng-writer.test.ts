import { describe, expect, it } from "vitest";
import { decodeAll } from "../test-support/feed.js";
import { concat, counting, hex } from "../test-support/layout.js";
import { blocks } from "../test-support/pcapng.js";
import { type PcapngOptions, type PcapngPacketToWrite, PcapngWriter } from "./index.js";

describe("PcapngWriter", () => {
  it("writes section, interface and packet field by field", () => {
    const writer = new PcapngWriter({ linkType: 276, snaplen: 96 });
    expect(writer.header()).toEqual(
      hex(`
        0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000
        01000000 20000000 1401 0000 60000000 0900 0100 09000000 0000 0000 20000000
      `),
    );
    const timestampNs = 0x1122_3344_5566_7788n;
    expect(writer.record({ timestampNs, data: hex("aa bb cc dd ee"), originalLength: 0x5ea })).toEqual(
      hex(`
        06000000 28000000 00000000 44332211 88776655 05000000 ea050000
        aabbccddee 000000
        28000000
      `),
    );
  });

  it.each(["little", "big"] as const)("writes comments and names as options, %s-endian", (byteOrder) => {
    const writer = new PcapngWriter({
      linkType: 1,
      byteOrder,
      comment: "incident 4711",
      application: "stenogrpc",
      interfaceName: "eth0",
    });
    const { block, comment, endOfOptions } = blocks(byteOrder);
    const record = writer.record({ timestampNs: 5n, data: counting(4), comment: "the one" });
    const expected = blocks(byteOrder).enhanced(0, 5n, counting(4), 4, comment("the one"), endOfOptions);
    expect(record).toEqual(expected);
    const text = new TextDecoder("latin1").decode(writer.header());
    for (const part of ["incident 4711", "stenogrpc", "eth0"]) expect(text).toContain(part);
    // Decoding walks over every option, so their lengths and padding are right.
    const after = block(0x99);
    expect(decodeAll([concat(writer.header(), record, after)])).toMatchObject({
      records: [{ timestampNs: 5n, data: counting(4) }],
      error: undefined,
    });
  });

  it.each<[string, Partial<PcapngPacketToWrite>]>([
    ["a time before the epoch", { timestampNs: -1n }],
    ["a time over 64 bits", { timestampNs: 1n << 64n }],
    ["more data than the snaplen", { data: counting(101), originalLength: 101 }],
    ["fewer bytes on the wire than captured", { originalLength: 2 }],
    ["a comment over 65535 bytes", { comment: "x".repeat(65_536) }],
  ])("refuses %s", (_name, wrong) => {
    const writer = new PcapngWriter({ linkType: 1, snaplen: 100 });
    expect(() => writer.record({ timestampNs: 0n, data: counting(3), ...wrong })).toThrow(RangeError);
  });

  it.each<Partial<PcapngOptions>>([
    { linkType: 65_536 },
    { linkType: -1 },
    { snaplen: 2 ** 32 },
    { snaplen: -1 },
  ])("refuses %o", (wrong) => {
    expect(() => new PcapngWriter({ linkType: 1, ...wrong })).toThrow(RangeError);
  });
});
