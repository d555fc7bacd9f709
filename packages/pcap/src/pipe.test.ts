import { describe, expect, it } from "vitest";
import { classic } from "../test-support/classic.js";
import { collectBytes, streamOf } from "../test-support/feed.js";
import { counting } from "../test-support/layout.js";
import {
  chunked,
  createTally,
  decodeCapture,
  type LimitVerdict,
  limit,
  match,
  pipe,
  tally,
  timeWindow,
  verify,
} from "./index.js";

const second = 1_000_000_000n;

describe("pipe", () => {
  it("passes a capture through verify, match, window, limit, tally and chunks", async () => {
    const packet = (seconds: number, size: number) => ({ seconds, fraction: 0, data: counting(size) });
    const file = classic([packet(9, 10), packet(10, 10), packet(11, 99), packet(12, 10), packet(13, 10)]);
    const { stream, seen } = streamOf([file]);
    const window = { recordsSeen: 0, recordsOutsideWindow: 0 };
    const matched = { recordsUnmatched: 0 };
    const verdict: LimitVerdict = { stoppedBy: "nothing" };
    const totals = createTally();
    const capture = await decodeCapture(stream);
    const result = pipe(
      capture.batches,
      verify(),
      match((_bytes, _frameOffset, capturedLength) => capturedLength < 50, matched),
      timeWindow({ startNs: 10n * second, endNs: 20n * second }, window),
      limit({ maxPackets: 2 }, verdict),
      tally(totals),
      chunked(capture.header, 1000),
    );
    expect(await collectBytes(result)).toEqual(classic([packet(10, 10), packet(12, 10)]));
    expect({ window, matched, verdict, totals }).toEqual({
      window: { recordsSeen: 4, recordsOutsideWindow: 1 },
      matched: { recordsUnmatched: 1 },
      verdict: { stoppedBy: "max-packets" },
      totals: { packets: 2, recordBytes: 52, firstNs: 10n * second, lastNs: 12n * second },
    });
    expect(seen.closed).toBe(1);
  });

  it("gives the source itself when there are no steps", () => {
    const source = {};
    expect(pipe(source)).toBe(source);
  });
});
