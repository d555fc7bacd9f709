import { GapReason, Status, type StenoRequest } from "@stenogrpc/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AnswerMessage, goodAnswer, type SummaryChange } from "../test-support/answers.js";
import { collect, hour, joined, noonNs, packetsFromNoon, second } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { clientOf } from "../test-support/in-memory.js";
import type { CoverageGap } from "./coverage.js";
import { requireFullCoverage } from "./coverage.js";

const capture = packetsFromNoon(3);

/** A moment so many seconds after noon, on the wire. */
const at = (seconds: number) => ({ seconds: noonNs / second + BigInt(seconds) });
const agedOut = { start: at(0), end: at(600), reason: GapReason.AGED_OUT };
const hole = { start: at(900), end: at(1000), reason: GapReason.MISSING };
const notYet = {
  start: at(3000),
  end: at(3600),
  reason: GapReason.NOT_YET_WRITTEN,
  expectedAt: at(3700),
};

function clientThatHears(summary: SummaryChange, status?: Status) {
  return clientOf((request: StenoRequest): AnswerMessage[] =>
    // The last packets come with the summary, so that a fetch that fails keeps them to itself.
    goodAnswer(request, capture, {
      summary,
      status,
      pieces: [capture.header],
      lastPcap: joined(capture.records),
    }),
  ).client;
}

describe("coverage", () => {
  it("is given as plain nanoseconds, with the reason of each gap", async () => {
    const client = clientThatHears({
      coverage: {
        oldestPacket: at(600),
        newestPacket: at(2999),
        gaps: [agedOut, hole, notYet, { ...hole, start: at(3100), end: at(3200), reason: 99 as GapReason }], // as a newer server might
      },
    });
    const { verdict, coverage, shortcomings } = await client.fetchPcap(hour).summary;
    expect(verdict).toBe("complete");
    expect(shortcomings).toHaveLength(4);
    expect(shortcomings[1]).toMatch(
      /^the sensor may lack packets from .* to .*: capture stopped, or files are missing or can't be read$/,
    );
    const ns = (seconds: number) => noonNs + BigInt(seconds) * second;
    expect(coverage).toEqual({
      oldestPacketNs: ns(600),
      newestPacketNs: ns(2999),
      gaps: [
        { startNs: ns(0), endNs: ns(600), reason: "aged-out" },
        { startNs: ns(900), endNs: ns(1000), reason: "missing" },
        { startNs: ns(3000), endNs: ns(3600), reason: "not-yet-written", expectedAtNs: ns(3700) },
        { startNs: ns(3100), endNs: ns(3200), reason: "unstated" },
      ],
    });
  });

  it.each<[string, SummaryChange["coverage"]]>([
    ["unknown", undefined],
    ["all", {}],
    ["part", { gaps: [hole] }],
    ["part", { gaps: [{ start: at(0), end: at(3599) }] }],
    ["none", { gaps: [{ start: at(0), end: at(3600) }] }],
    [
      "none",
      {
        gaps: [
          { start: at(0), end: at(3599) },
          { start: at(5), end: at(600) },
          { start: at(3000), end: at(3600) },
        ],
      },
    ],
    [
      "part",
      {
        gaps: [
          { start: at(0), end: at(10) },
          { start: at(11), end: at(3600) },
        ],
      },
    ],
  ])("says in a word how much of the window it is: %s", async (covered, coverage) => {
    const client = clientThatHears({ coverage });
    expect((await client.fetchPcap(hour).summary).covered).toBe(covered);
  });

  it("is that of the window that was applied, which may be widened to whole microseconds", async () => {
    const micro = packetsFromNoon(3, 60, "microseconds");
    const summary = {
      windowStart: at(0),
      windowEnd: at(3600),
      coverage: { gaps: [{ start: at(0), end: at(3600), reason: GapReason.MISSING }] },
    };
    const { client } = clientOf((request) => goodAnswer(request, micro, { summary }));
    const { from, to } = hour;
    const result = await client.fetchPcap({ from: from + 1n, to: to - 1n }).summary;
    expect(result.coverage).toEqual({ gaps: [{ startNs: from, endNs: to, reason: "missing" }] });
    expect(result.covered).toBe("none");
  });

  it("may know no packet at all", async () => {
    const client = clientThatHears({ coverage: {} });
    expect((await client.fetchPcap(hour).summary).coverage).toEqual({ gaps: [] });
  });

  it.each<[string, SummaryChange["coverage"]]>([
    ["begins before the window", { gaps: [{ start: at(-1), end: at(5) }] }],
    ["ends after the window", { gaps: [{ start: at(5), end: at(3601) }] }],
    ["is empty", { gaps: [{ start: at(5), end: at(5) }] }],
    ["is backwards", { gaps: [{ start: at(5), end: at(4) }] }],
    ["comes out of order", { gaps: [hole, agedOut] }],
    ["has no start", { gaps: [{ end: at(5) }] }],
    ["has no end", { gaps: [{ start: at(5) }] }],
    ["is at no time", { gaps: [{ start: { seconds: 2n ** 62n }, end: at(5) }] }],
    ["is expected at no time", { gaps: [{ ...notYet, expectedAt: { seconds: 1n, nanos: -1 } }] }],
    ["is beside an oldest packet at no time", { oldestPacket: { seconds: -(2n ** 62n) } }],
    ["is beside a newest packet at no time", { newestPacket: { seconds: 2n ** 62n } }],
  ])("is refused with a gap that %s", async (_, coverage) => {
    const client = clientThatHears({ coverage });
    const failure = await failureOf(client.fetchPcap({ ...hour, uid: "u1" }).summary);
    expect(failure).toMatchObject({ reason: "MALFORMED_ANSWER", code: "data_loss", uid: "u1" });
  });
});

it("is told by the sensor's clock, however far this client's is off", async () => {
  const gap = { ...notYet, start: at(1), expectedAt: undefined };
  const summary = { serverTime: at(60), coverage: { newestPacket: at(0), gaps: [gap] } };
  const shortcomings = (await clientThatHears(summary).fetchPcap(hour).summary).shortcomings.join("\n");
  expect(shortcomings).not.toContain("capture has probably stopped");
  expect(shortcomings).toContain(
    "not on disk yet after 2026-07-01T12:00:01Z (asked up to 2026-07-01T13:00:00Z); the window ends in the future",
  );
  const failure = await failureOf(
    clientThatHears(summary).fetchPcap({ ...hour, requireCoverage: true }).summary,
  );
  expect(failure).toMatchObject({ retryable: true, retryAfterMs: 3_540_000 });
});

describe("requireCoverage", () => {
  const wanted = { ...hour, uid: "u1", requireCoverage: true } as const;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-07-02T00:00:00Z") });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("lets an answer through whose source has the whole window", async () => {
    const client = clientThatHears({ coverage: { oldestPacket: at(-50), newestPacket: at(5000) } });
    expect(await client.fetchPcap(wanted).summary).toMatchObject({ verdict: "complete", packets: 3 });
  });

  it("fails for each gap, in words that say what to do, and keeps the last message to itself", async () => {
    const unstated = { ...hole, start: at(1100), end: at(1200), reason: GapReason.UNSPECIFIED };
    const client = clientThatHears({ coverage: { gaps: [agedOut, hole, unstated, notYet] } });
    const fetch = client.fetchPcap(wanted);
    const pieces: Uint8Array[] = [];
    const failure = await failureOf(async () => {
      for await (const piece of fetch) pieces.push(piece);
    });
    expect(failure).toMatchObject({
      reason: "COVERAGE_INCOMPLETE",
      code: "failed_precondition",
      retryable: false,
      uid: "u1",
    });
    expect(failure.message).toBe(
      "the sensor can't answer for the whole window: " +
        "from 2026-07-01T12:00:00Z to 2026-07-01T12:10:00Z it has nothing, that is before its oldest packet (ask from 2026-07-01T12:10:00Z on); " +
        "from 2026-07-01T12:15:00Z to 2026-07-01T12:16:40Z capture stopped or files are missing (ask for what lies before and after); " +
        "from 2026-07-01T12:18:20Z to 2026-07-01T12:20:00Z it has nothing, and does not say why (ask for what lies before and after); " +
        "from 2026-07-01T12:50:00Z to 2026-07-01T13:00:00Z packets are not on disk yet (ask again after 2026-07-01T13:01:40Z, or up to 2026-07-01T12:50:00Z)",
    );
    expect(joined(pieces)).toEqual(capture.header);
    expect(await failureOf(fetch.summary)).toBe(failure);
  });

  it("may be met later where all that is missing is not on disk yet", async () => {
    const client = clientThatHears({ coverage: { gaps: [{ ...notYet, expectedAt: undefined }] } });
    const failure = await failureOf(collect(client.fetchPcap(wanted)));
    expect(failure).toMatchObject({ reason: "COVERAGE_INCOMPLETE", retryable: true });
    expect(failure.message).toMatch(/not on disk yet \(ask again a few minutes later, or up to/);
  });

  it("fails where the source does not know what it has", async () => {
    const failure = await failureOf(collect(clientThatHears({}).fetchPcap(wanted)));
    expect(failure).toMatchObject({ reason: "COVERAGE_INCOMPLETE", retryable: false });
    expect(failure.message).toMatch(/it does not know what it has/);
  });

  it("fails where damage cost packets, however well the window is covered", async () => {
    const damage = [{ file: "1", what: "bad length", losesPackets: true }];
    const client = clientThatHears({ coverage: {}, damage }, Status.INCOMPLETE);
    const failure = await failureOf(collect(client.fetchPcap(wanted)));
    expect(failure).toMatchObject({ reason: "COVERAGE_INCOMPLETE", retryable: false });
    expect(failure.message).toMatch(/damage in its files cost packets/);
  });

  it("names the first gaps only where a source has very many", async () => {
    const gaps = Array.from({ length: 3000 }, (_, i) => ({ ...hole, start: at(i), end: at(i + 1) }));
    const failure = await failureOf(collect(clientThatHears({ coverage: { gaps } }).fetchPcap(wanted)));
    expect(failure.message).toMatch(/; and 2990 gaps more$/);
    expect(failure.message.length).toBeLessThan(2000);
  });

  it("comes after the other checks: an answer that is wrong is never blamed on coverage", async () => {
    const client = clientThatHears({ coverage: { gaps: [hole] }, sha256: new Uint8Array(32) });
    expect((await failureOf(collect(client.fetchPcap(wanted)))).reason).toBe("DIGEST_MISMATCH");
  });

  describe("of a window that", () => {
    const ns = (seconds: number) => noonNs + BigInt(seconds) * second;
    const window = { startNs: ns(0), endNs: ns(3600) };
    const notWritten = { ...window, reason: "not-yet-written" } as const;
    const packets = { oldestPacketNs: ns(7200), newestPacketNs: ns(-60) };

    /** Why an answer with one gap is refused, so many seconds after noon. */
    function refusal(gap: CoverageGap, now: number, extent: Partial<typeof packets> = {}) {
      const answered = { uid: "u1", verdict: "no-packets", window, coverage: { ...extent, gaps: [gap] } };
      return failureOf(async () => requireFullCoverage(answered, Number(ns(now) / 1_000_000n)));
    }

    it("ends in the far future is not to be tried again by a program", async () => {
      const failure = await refusal(notWritten, -1, { newestPacketNs: packets.newestPacketNs });
      expect(failure).toMatchObject({ retryable: false, retryAfterMs: undefined });
      expect(failure.message).toBe(
        "the sensor can't answer for the whole window: from 2026-07-01T12:00:00Z to 2026-07-01T13:00:00Z packets are not on disk " +
          "yet: the window ends in the future (ask again after 2026-07-01T13:00:00Z, its newest packet is of 2026-07-01T11:59:00Z)",
      );
    });

    it.each([
      ["ends in an hour", 0, undefined, 3_600_000],
      ["ends in a second", 3599, undefined, 1000],
      ["ended, and is due later", 3600, 3700, 100_000],
      ["ends soon, and is due later", 3599, 3700, 101_000],
      ["ends soon, and is said to be due before that", 3599, 100, 1000],
      ["ended, and was due just now", 3700, 3700, 1000],
      ["ended, and was due", 4000, 3700, 299_999],
      ["ended, and was due long ago", 7301, 3700, undefined],
    ])("%s may be tried again when that is", async (_, now, dueAt, retryAfterMs) => {
      const failure = await refusal({ ...notWritten, ...(dueAt && { expectedAtNs: ns(dueAt) }) }, now);
      expect(failure).toMatchObject({ retryable: true, retryAfterMs });
    });

    it("has an end only that is not there yet may be asked for up to that", async () => {
      const failure = await refusal({ ...notWritten, startNs: ns(60) }, 3599);
      expect(failure.message).toMatch(
        /\(ask again after 2026-07-01T13:00:00Z, or up to 2026-07-01T12:01:00Z\)$/,
      );
    });

    it("lies before the oldest packet is told of that packet", async () => {
      const agedOut = { ...window, reason: "aged-out" } as const;
      const failure = await refusal(agedOut, 9000, packets);
      expect(failure.message).toMatch(
        /before its oldest packet, which is of 2026-07-01T14:00:00Z \(ask from 2026-07-01T14:00:00Z on\)$/,
      );
      expect((await refusal(agedOut, 9000)).message).toMatch(/oldest packet \(ask for a later window\)$/);
    });

    it.each(["missing", "unstated"] as const)("is %s as a whole has no part to ask for", async (reason) => {
      const failure = await refusal({ ...window, reason }, 9000);
      expect(failure.message).toMatch(/\(ask for another window\)$/);
    });
  });
});
