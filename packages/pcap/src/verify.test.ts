import { describe, expect, it } from "vitest";
import { type ClassicRecord, classic } from "../test-support/classic.js";
import { cutAt, streamOf } from "../test-support/feed.js";
import { counting } from "../test-support/layout.js";
import { type CaptureHeader, decodeCapture, records, type VerifyOptions, verify } from "./index.js";

const good: ClassicRecord = { seconds: 1, fraction: 999_999, data: counting(10) };

async function verified(bad: Partial<ClassicRecord>, options?: VerifyOptions, magic = 0xa1b2c3d4) {
  const file = classic([good, good, { ...good, ...bad }, good], { magic });
  // Two batches, so that numbers must be carried over.
  const capture = await decodeCapture(streamOf(cutAt(file, 24 + 26)).stream);
  let passed = 0;
  try {
    for await (const _record of records(verify(options)(capture.batches))) passed++;
  } catch (error) {
    return { passed, error };
  }
  return { passed, error: undefined };
}

describe("verify", () => {
  it.each([
    [{ fraction: 1_000_000 }, "has 1000000 microseconds in its second"],
    [{ originalLength: 9 }, "has 10 bytes captured of 9"],
  ])("passes the records before an implausible one and then names it: %o", async (bad, problem) => {
    expect(await verified(bad)).toEqual({
      passed: 2,
      error: expect.objectContaining({
        name: "CaptureError",
        kind: "corrupt",
        byteOffset: 76,
        message: `corrupt record at byte 76: packet 3 ${problem}`,
      }),
    });
  });

  it("holds nanoseconds against a full second of them", async () => {
    expect(await verified({ fraction: 999_999_999 }, {}, 0xa1b23c4d)).toEqual({
      passed: 4,
      error: undefined,
    });
    expect(await verified({ fraction: 1_000_000_000 }, {}, 0xa1b23c4d)).toMatchObject({
      passed: 2,
      error: { message: "corrupt record at byte 76: packet 3 has 1000000000 nanoseconds in its second" },
    });
  });

  it("has a ceiling for the capture length", async () => {
    expect(await verified({ data: counting(11) }, { maxCapturedLength: 10 })).toMatchObject({
      passed: 2,
      error: { message: "corrupt record at byte 76: packet 3 has 11 bytes captured, over the ceiling of 10" },
    });
    expect(await verified({ data: counting(10) }, { maxCapturedLength: 10 })).toMatchObject({
      error: undefined,
    });
  });

  it("passes a packet that was captured in part", async () => {
    expect(await verified({ originalLength: 1500 })).toEqual({ passed: 4, error: undefined });
  });
});

describe("a header's own snaplen", () => {
  it("does not count: writers are often wrong about it", async () => {
    const header: Partial<CaptureHeader> = { snaplen: 5 };
    const { stream } = streamOf([classic([good], header)]);
    const capture = await decodeCapture(stream);
    expect(capture.header.snaplen).toBe(5);
    let passed = 0;
    for await (const _record of records(verify()(capture.batches))) passed++;
    expect(passed).toBe(1);
  });
});
