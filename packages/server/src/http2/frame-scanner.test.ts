import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../test-support/raw-http2.js";
import { type FrameHead, FrameScanner, frameHeaderBytes, writeFrameHead } from "./frame-scanner.js";

interface Frame extends FrameHead {
  readonly payload: Uint8Array;
}

const encode = ({ type, flags, streamId, payload }: Frame) => encodeFrame(type, flags, streamId, payload);

/** The frames found in bytes that come in these pieces, and whether the last one is whole. */
function scan(pieces: readonly Uint8Array[]): { frames: Frame[]; isBetweenFrames: boolean } {
  const frames: Frame[] = [];
  let payload: Uint8Array[] = [];
  const scanner = new FrameScanner({
    begin: () => {
      payload = [];
    },
    payload: (bytes, start, end) => void payload.push(bytes.slice(start, end)),
    end: (head) => void frames.push({ ...head, payload: new Uint8Array(Buffer.concat(payload)) }),
  });
  for (const piece of pieces) scanner.push(piece);
  return { frames, isBetweenFrames: scanner.isBetweenFrames };
}

const anyFrame: fc.Arbitrary<Frame> = fc
  .record({
    type: fc.nat(255),
    flags: fc.nat(255),
    streamId: fc.nat(0x7fff_ffff),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map((frame) => ({ ...frame, length: frame.payload.length }));

describe("frames", () => {
  it("are found whole, byte by byte, and cut anywhere", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.nat()), (frames, places) => {
        const bytes = Buffer.concat(frames.map(encode));
        const cuts = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
        const cut = [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
        const whole = { frames, isBetweenFrames: true };
        expect(scan([bytes])).toEqual(whole);
        expect(scan([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
        expect(scan(cut)).toEqual(whole);
      }),
    );
  });

  it("are under way from their first byte to their last", () => {
    const bytes = encode({ type: 4, flags: 0, streamId: 0, length: 6, payload: new Uint8Array(6) });
    for (let end = 0; end <= bytes.length; end++) {
      expect(scan([bytes.subarray(0, end)]).isBetweenFrames).toBe(end === 0 || end === bytes.length);
    }
  });

  it("have the reserved bit of their stream ignored (RFC 9113, section 4.1)", () => {
    const bytes = encode({ type: 0, flags: 1, streamId: 7, length: 0, payload: new Uint8Array() });
    bytes.writeUInt8(0x80, 5);
    expect(scan([bytes]).frames).toMatchObject([{ streamId: 7 }]);
  });

  it("are found as they are written, up to the longest", () => {
    for (const length of [0, 1, 16_384, 2 ** 24 - 1]) {
      const bytes = new Uint8Array(frameHeaderBytes + 2 + length).fill(0xff);
      writeFrameHead(bytes, 2, { type: 0, streamId: 0x7fff_ffff, length });
      expect(scan([bytes.subarray(2)]).frames).toMatchObject([
        { type: 0, flags: 0, streamId: 0x7fff_ffff, length },
      ]);
    }
  });
});
