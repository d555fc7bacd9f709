import { expect, it } from "vitest";
import { encodeFrame, preface, settingsPayload } from "../../test-support/raw-http2.js";
import { endHeadersFlag, frameType } from "./frame-scanner.js";
import { IncomingFrames } from "./incoming-frames.js";
import { WindowShare } from "./window-share.js";

const settings = encodeFrame(frameType.settings, 0, 0, settingsPayload([[0x5, 1_048_576]]));
const headers = encodeFrame(frameType.headers, endHeadersFlag, 1, Buffer.from("headers"));
const begunHeaders = encodeFrame(frameType.headers, 0, 3, Buffer.from("begun"));
const restOfHeaders = encodeFrame(frameType.continuation, endHeadersFlag, 3, Buffer.from("rest"));
const updateOf = (streamId: number, bytes: number) =>
  encodeFrame(frameType.windowUpdate, 0, streamId, Buffer.from([0, bytes >> 16, bytes >> 8, bytes]));

/** What node:http2 reads of these pieces, when stream 1 goes past it and it has sent 100 bytes of DATA on another one. */
function rewritten(pieces: readonly Uint8Array[]): Buffer {
  const share = new WindowShare();
  const incoming = new IncomingFrames(share, { reset: () => {}, flush: () => {} });
  share.opened(1);
  share.takeOver(1);
  share.spendNodes(5, 100);
  for (const piece of pieces) incoming.push(piece);
  incoming.refill();
  return Buffer.concat(incoming.takePieces());
}

const told = [preface, settings, headers, begunHeaders, restOfHeaders, updateOf(3, 7), updateOf(0, 0)];
const kept = [updateOf(0, 1_000_000), updateOf(1, 500_000)];
const refilled = updateOf(0, 100);
const bytes = Buffer.concat([...told.slice(0, 3), ...kept, ...told.slice(3)]);
const expected = Buffer.concat([...told, refilled]);

it("windows that are not node:http2's are taken out, and its part is put in", () => {
  expect(rewritten([bytes])).toEqual(expected);
});

it("byte by byte, and cut anywhere, node:http2 reads the same", () => {
  expect(rewritten(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toEqual(expected);
  for (let at = 1; at < bytes.length; at++)
    expect(rewritten([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
});

it.each([
  ["a header block", [preface, settings, updateOf(0, 1_000_000), begunHeaders]],
  ["a frame", [preface, settings, updateOf(0, 1_000_000), headers.subarray(0, 12)]],
])("nothing is put into the middle of %s", (_, pieces) => {
  expect(rewritten(pieces)).toEqual(Buffer.concat(pieces.filter((piece) => piece !== pieces[2])));
});

it("what is reset, and what may end the session, is told at its place", () => {
  const events: unknown[] = [];
  const incoming = new IncomingFrames(new WindowShare(), {
    reset: (streamId) => events.push(["reset", streamId]),
    flush: () => events.push(["flush", Buffer.concat(incoming.takePieces()).length]),
  });
  const reset = encodeFrame(frameType.rstStream, 0, 1, Buffer.alloc(4));
  const goaway = encodeFrame(0x7, 0, 0, Buffer.alloc(8));
  incoming.push(Buffer.concat([preface, reset, goaway, headers]));
  expect(events).toEqual([
    ["reset", 1],
    ["flush", preface.length + reset.length + goaway.length],
  ]);
});
