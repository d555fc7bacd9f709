import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutAt, joined } from "../../../test-support/capture.js";
import { encodeFrame, frameFlag, frameType, type Http2Frame } from "../../../test-support/http2-frame.js";
import { FrameError, FrameSplitter, longestPayloadBytes } from "./frame-splitter.js";

const { data, headers } = frameType;
const { endStream, padded } = frameFlag;

/** A DATA frame with so much padding. */
function paddedData(streamId: number, content: Uint8Array, padding: number, flags = 0): Http2Frame {
  const payload = joined([Uint8Array.of(padding), content, new Uint8Array(padding)]);
  return { type: data, flags: flags | padded, streamId, payload };
}

/** What comes out where the DATA of these streams is diverted. */
function splitFrames(pieces: readonly Uint8Array[], diverted: readonly number[]) {
  const rest: Uint8Array[] = [];
  const splitter = new FrameSplitter((bytes) => void rest.push(bytes));
  const taken = diverted.map((streamId) => {
    const payload: Uint8Array[] = [];
    const counted = { frames: 0, padding: 0 };
    splitter.divert(streamId, {
      takeFrame: (bytes) => {
        counted.frames += bytes;
      },
      takePayload: (buffer, start, end) => void payload.push(buffer.slice(start, end)),
      takePadding: (bytes) => {
        counted.padding += bytes;
      },
    });
    return { payload, counted };
  });
  let error: unknown;
  try {
    for (const piece of pieces) splitter.push(piece);
  } catch (thrown) {
    error = thrown;
  }
  return {
    rest: joined(rest),
    taken: taken.map(({ payload, counted }) => ({ payload: joined(payload), ...counted })),
    error,
  };
}

const anyPlaces = fc.array(fc.nat(), { maxLength: 30 });
const content = fc.uint8Array({ maxLength: 40 });
const anyFrame: fc.Arbitrary<Http2Frame & { readonly content: Uint8Array; readonly padding: number }> = fc
  .record({ type: fc.nat(9), streamId: fc.constantFrom(0, 1, 3, 5), content, padding: fc.nat(20) })
  .chain(({ type, streamId, content, padding }) =>
    fc.constantFrom(0, endStream, padded, endStream | padded).map((flags) => {
      const withPadding = type === data && (flags & padded) !== 0;
      const frame = withPadding
        ? paddedData(streamId, content, padding, flags)
        : { type, flags, streamId, payload: content };
      return { ...frame, content, padding: withPadding ? padding + 1 : 0 };
    }),
  );

describe("frames from a server", () => {
  it("are parted into the DATA of chosen streams and the rest, however they are cut", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 20 }), anyPlaces, (frames, places) => {
        const open = new Set([1, 3]);
        const rest: Uint8Array[] = [];
        const payload = new Map([1, 3].map((id) => [id, [] as Uint8Array[]]));
        const counted = new Map([1, 3].map((id) => [id, { frames: 0, padding: 0 }]));
        for (const frame of frames) {
          const { type, flags, streamId } = frame;
          if (type !== data || !open.has(streamId)) rest.push(encodeFrame(frame));
          else {
            payload.get(streamId)?.push(frame.content);
            const counts = counted.get(streamId);
            if (counts) {
              counts.frames += frame.payload.length;
              counts.padding += frame.padding;
            }
            if (flags & endStream) {
              rest.push(encodeFrame({ type: data, flags: endStream, streamId, payload: new Uint8Array(0) }));
            }
          }
          if ((type <= headers && flags & endStream) || type === 0x3) open.delete(streamId);
        }
        const split = splitFrames(cutAt(joined(frames.map(encodeFrame)), places), [1, 3]);
        expect(split).toEqual({
          rest: joined(rest),
          taken: [1, 3].map((id) => ({ payload: joined(payload.get(id) ?? []), ...counted.get(id) })),
          error: undefined,
        });
      }),
      { numRuns: 1000 },
    );
  });

  it("pass as they are where no stream is chosen, even if they are none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), anyPlaces, (bytes, places) => {
        const { rest } = splitFrames(cutAt(bytes, places), []);
        expect(rest).toEqual(bytes.subarray(0, rest.length));
        expect(bytes.length - rest.length).toBeLessThan(9); // a header that has begun
      }),
    );
  });

  it("give the same of any bytes, however they are cut", () => {
    // With few values, so that some of them are DATA of the stream.
    const anyBytes = fc.array(fc.constantFrom(0, 0, 0, 1, 8, 9, 255), { maxLength: 200 });
    fc.assert(
      fc.property(anyBytes, anyPlaces, (values, places) => {
        const bytes = Uint8Array.from(values);
        expect(splitFrames(cutAt(bytes, places), [0, 1])).toEqual(splitFrames([bytes], [0, 1]));
      }),
      { numRuns: 2000 },
    );
  });

  it("that are too long for DATA are left to HTTP/2 to refuse", () => {
    const frame = { type: data, flags: 0, streamId: 1, payload: new Uint8Array(longestPayloadBytes + 1) };
    const { rest } = splitFrames([encodeFrame(frame)], [1]);
    expect(Buffer.compare(rest, encodeFrame(frame))).toBe(0);
    const longest = { ...frame, payload: new Uint8Array(longestPayloadBytes) };
    expect(splitFrames([encodeFrame(longest)], [1]).rest).toHaveLength(0);
  });

  it("that are shorter than their padding are refused", () => {
    const frame = { type: data, flags: padded, streamId: 1, payload: Uint8Array.of(3, 0, 0) };
    expect(splitFrames([encodeFrame(frame)], [1]).error).toBeInstanceOf(FrameError);
  });
});
