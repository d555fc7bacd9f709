import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex, layout, u16, u32 } from "../test-support/layout.js";
import {
  type CaptureHeader,
  encodeCaptureHeader,
  parseCaptureHeader,
  sameRecordFormat,
} from "./capture-header.js";

const ethernet: CaptureHeader = {
  byteOrder: "little",
  resolution: "microseconds",
  snaplen: 65_536,
  linkType: 1,
};

function header(network: number, { magic = 0xa1b2c3d4, major = 2, minor = 4 } = {}): Uint8Array {
  return layout("big", u32(magic), u16(major), u16(minor), u32(7), u32(8), u32(96), u32(network));
}

describe("encodeCaptureHeader", () => {
  it("writes the 24 bytes Stenographer writes", () => {
    expect(encodeCaptureHeader(ethernet)).toEqual(
      hex("d4c3b2a1 0200 0400 00000000 00000000 00000100 01000000"),
    );
  });

  it("writes nanoseconds, big-endian, with a frame check sequence", () => {
    const bytes = encodeCaptureHeader({
      byteOrder: "big",
      resolution: "nanoseconds",
      snaplen: 96,
      linkType: 276,
      fcsBytes: 4,
    });
    expect(bytes).toEqual(hex("a1b23c4d 0002 0004 00000000 00000000 00000060 24000114"));
  });

  it.each([
    { linkType: 65_536 },
    { linkType: -1 },
    { linkType: 1.5 },
    { snaplen: -1 },
    { snaplen: 2 ** 32 },
    { fcsBytes: 3 },
    { fcsBytes: 32 },
  ])("refuses $linkType $snaplen $fcsBytes", (wrong) => {
    expect(() => encodeCaptureHeader({ ...ethernet, ...wrong })).toThrow(RangeError);
  });

  it("is read back as it was given", () => {
    const headers = fc.record(
      {
        byteOrder: fc.constantFrom("little" as const, "big" as const),
        resolution: fc.constantFrom("microseconds" as const, "nanoseconds" as const),
        snaplen: fc.nat(0xffff_ffff),
        linkType: fc.nat(0xffff),
        fcsBytes: fc.nat(15).map((words) => words * 2),
      },
      { requiredKeys: ["byteOrder", "resolution", "snaplen", "linkType"] },
    );
    fc.assert(
      fc.property(headers, (given) => {
        expect(parseCaptureHeader(encodeCaptureHeader(given))).toEqual(given);
      }),
    );
  });
});

describe("parseCaptureHeader", () => {
  it("ignores the fields that once were time zone and accuracy", () => {
    expect(parseCaptureHeader(header(101))).toEqual({
      byteOrder: "big",
      resolution: "microseconds",
      snaplen: 96,
      linkType: 101,
    });
  });

  it("takes the FCS length from above the link type, in words of two bytes", () => {
    expect(parseCaptureHeader(header(0x2400_0001))).toMatchObject({ linkType: 1, fcsBytes: 4 });
  });

  it("leaves out an FCS length that is not marked as present", () => {
    expect(parseCaptureHeader(header(0x2000_0001))).not.toHaveProperty("fcsBytes");
  });

  it.each([
    [header(0x0224_0001), 20, "link type field 0x02240001 at byte 20 has reserved bits set"],
    [header(0x0800_0001), 20, "link type field 0x08000001 at byte 20 has reserved bits set"],
    [header(1, { minor: 3 }), 4, "pcap version 2.3 at byte 4 is not supported, only 2.4"],
    [header(1, { major: 543, minor: 0 }), 4, "pcap version 543.0 at byte 4 is not supported, only 2.4"],
    [
      header(1, { magic: 0xa1b2cd34 }),
      0,
      "modified pcap (magic a1b2cd34) is not supported; convert it with editcap -F pcap",
    ],
  ])("refuses by name what it cannot read: %#", (bytes, byteOffset, message) => {
    expect(() => parseCaptureHeader(bytes)).toThrow(
      expect.objectContaining({ name: "CaptureError", kind: "unsupported", byteOffset, message }),
    );
  });
});

describe("sameRecordFormat", () => {
  it("looks at byte order, resolution and link type only", () => {
    expect(sameRecordFormat(ethernet, { ...ethernet, snaplen: 0, fcsBytes: 4 })).toBe(true);
    expect(sameRecordFormat(ethernet, { ...ethernet, byteOrder: "big" })).toBe(false);
    expect(sameRecordFormat(ethernet, { ...ethernet, resolution: "nanoseconds" })).toBe(false);
    expect(sameRecordFormat(ethernet, { ...ethernet, linkType: 0 })).toBe(false);
  });
});
