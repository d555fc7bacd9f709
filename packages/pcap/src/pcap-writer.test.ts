import { describe, expect, it } from "vitest";
import { counting, hex } from "../test-support/layout.js";
import { type CaptureHeader, type PacketToWrite, PcapWriter } from "./index.js";

const header: CaptureHeader = { byteOrder: "little", resolution: "microseconds", snaplen: 100, linkType: 1 };
const packet: PacketToWrite = {
  timestampNs: 1_000_000_002_999n,
  data: hex("aa bb cc"),
  originalLength: 0x5ea,
};

describe("PcapWriter", () => {
  it("writes the file header", () => {
    expect(new PcapWriter(header).header()).toEqual(
      hex("d4c3b2a1 0200 0400 00000000 00000000 64000000 01000000"),
    );
  });

  it("writes a record field by field, cutting off nanoseconds", () => {
    expect(new PcapWriter(header).record(packet)).toEqual(hex("e8030000 02000000 03000000 ea050000 aabbcc"));
  });

  it("writes big-endian nanoseconds", () => {
    const writer = new PcapWriter({ ...header, byteOrder: "big", resolution: "nanoseconds" });
    expect(writer.record(packet)).toEqual(hex("000003e8 00000bb7 00000003 000005ea aabbcc"));
  });

  it("takes the data's length for the wire's when none is given", () => {
    expect(new PcapWriter(header).record({ timestampNs: 0n, data: hex("00 11") }).slice(8, 16)).toEqual(
      hex("02000000 02000000"),
    );
  });

  it.each<[string, Partial<PacketToWrite>]>([
    ["a time before the epoch", { timestampNs: -1n }],
    ["a time after the last second", { timestampNs: 0x1_0000_0000n * 1_000_000_000n }],
    ["more data than the snaplen", { data: counting(101), originalLength: 101 }],
    ["fewer bytes on the wire than captured", { originalLength: 2 }],
    ["more bytes on the wire than 32 bits", { originalLength: 2 ** 32 }],
    ["half a byte on the wire", { originalLength: 3.5 }],
  ])("refuses %s", (_name, wrong) => {
    expect(() => new PcapWriter(header).record({ ...packet, ...wrong })).toThrow(RangeError);
  });

  it("takes the very last time and the whole snaplen", () => {
    const timestampNs = 0xffff_ffffn * 1_000_000_000n + 999_999_999n;
    expect(new PcapWriter(header).record({ timestampNs, data: counting(100) }).slice(0, 8)).toEqual(
      hex("ffffffff 3f420f00"),
    );
  });

  it("has no limit with a snaplen of 0", () => {
    const writer = new PcapWriter({ ...header, snaplen: 0 });
    expect(writer.record({ timestampNs: 0n, data: counting(500) })).toHaveLength(516);
  });
});
