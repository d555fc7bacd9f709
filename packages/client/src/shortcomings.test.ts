import { describe, expect, it } from "vitest";
import type { Coverage, CoverageGap } from "./coverage.js";
import { type Answered, shortcomingsOf } from "./shortcomings.js";

/** A minute from 2026-01-02T03:04:05Z on. */
const window = { startNs: 1_767_323_045_000_000_000n, endNs: 1_767_323_105_000_000_000n };
const minute = 60_000_000_000n;
const day = 1440n * minute;
const notYet: CoverageGap = { ...window, reason: "not-yet-written" };
/** The window's first ten seconds. */
const firstTen: CoverageGap = { ...window, endNs: window.startNs + 10_000_000_000n, reason: "aged-out" };
const agedOut: CoverageGap = { ...window, reason: "aged-out" };

/** An answer that lacks nothing. */
const whole: Answered = {
  window,
  coverage: { gaps: [] },
  covered: "all",
  damage: [],
  stoppedBy: "nothing",
  packets: 3,
  pcapBytes: 252,
  lastPacketNs: window.startNs + minute / 2n,
  policyFilter: "",
  payloadLimitBytes: undefined,
  recordsBehindVlan: 0,
  recordsSeen: 20,
  recordsOutsideWindow: 0,
  filter: "port 53",
};

const text = (gap: CoverageGap, nowNs: bigint, extent: Omit<Coverage, "gaps"> = {}) =>
  shortcomingsOf({ ...whole, coverage: { ...extent, gaps: [gap] } }, Number(nowNs / 1_000_000n));

it.each<[Partial<CoverageGap>, string]>([
  [{}, "the sensor has nothing before 2026-01-02T03:04:15Z (asked from 2026-01-02T03:04:05Z)"],
  [
    { reason: "not-yet-written", expectedAtNs: window.endNs },
    "not on disk yet after 2026-01-02T03:04:05Z (asked up to 2026-01-02T03:04:15Z); ask again after 2026-01-02T03:05:05Z",
  ],
  [
    { reason: "not-yet-written" },
    "not on disk yet after 2026-01-02T03:04:05Z (asked up to 2026-01-02T03:04:15Z); ask again in a few minutes",
  ],
  [
    { reason: "missing" },
    "the sensor may lack packets from 2026-01-02T03:04:05Z to 2026-01-02T03:04:15Z: capture stopped, or files are missing or can't be read",
  ],
  [
    { reason: "unstated" },
    "the sensor may lack packets from 2026-01-02T03:04:05Z to 2026-01-02T03:04:15Z, and does not say why",
  ],
])("says what a gap is: %o", (change, words) => {
  expect(text({ ...firstTen, ...change }, window.endNs)).toEqual([words]);
});

it("says that a window ends in the future, and not to ask before that", () => {
  const words =
    "not on disk yet after 2026-01-02T03:04:05Z (asked up to 2026-01-02T03:05:05Z); the window ends in the future: ask again after";
  expect(text(notYet, window.startNs)).toEqual([`${words} 2026-01-02T03:05:05Z`]);
  const early = { ...notYet, expectedAtNs: window.startNs };
  expect(text(early, window.startNs)).toEqual([`${words} 2026-01-02T03:05:05Z`]);
  const late = { ...notYet, expectedAtNs: window.endNs + minute };
  expect(text(late, window.startNs)).toEqual([`${words} 2026-01-02T03:06:05Z`]);
});

it("names the newest packet where all of the window comes later", () => {
  const extent = { newestPacketNs: window.startNs - minute };
  expect(text(notYet, window.endNs, extent)).toEqual([
    "not on disk yet after 2026-01-02T03:03:05Z, the sensor's newest packet (asked from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z); ask again in a few minutes",
  ]);
});

it("names the oldest packet where all of the window is older", () => {
  const extent = { oldestPacketNs: window.endNs + minute };
  expect(text(agedOut, window.endNs, extent)).toEqual([
    "the sensor has nothing before 2026-01-02T03:06:05Z, its oldest packet (asked from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z)",
  ]);
});

it("names no oldest packet that another capture thread has, or that is not known", () => {
  const words =
    "the sensor has nothing that is so old (asked from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z)";
  expect(text(agedOut, window.endNs, { oldestPacketNs: window.startNs })).toEqual([words]);
  expect(text(agedOut, window.endNs)).toEqual([words]);
});

it("names the places of damage that cost packets, and no others", () => {
  const lost = {
    file: "1767323045",
    thread: 1,
    block: 3,
    offset: 3_145_728,
    what: "bad length",
    losesPackets: true,
  };
  const harmless = { file: "1767323045", thread: 0, what: "no index", losesPackets: false };
  expect(shortcomingsOf({ ...whole, coverage: undefined, damage: [harmless, lost] })).toEqual([
    "file 1767323045 of thread 1, block 3, byte 3145728: bad length (packets may be missing)",
  ]);
});

it("names the first ten gaps, and how many more there are", () => {
  const gaps = Array.from({ length: 1212 }, () => firstTen);
  const words = shortcomingsOf({ ...whole, coverage: { gaps } });
  expect(words).toHaveLength(11);
  expect(words.at(-1)).toBe("and 1202 more gaps");
});

it("has nothing to say of an answer that lacks nothing", () => {
  expect(shortcomingsOf(whole)).toEqual([]);
});

const rest = "ask for the rest from 2026-01-02T03:04:35Z to 2026-01-02T03:05:05Z";

it.each<[Answered["stoppedBy"], string]>([
  [
    "max-bytes",
    `the byte limit that was asked for cut the answer after 3 packets, 252 bytes; raise it, or ${rest}`,
  ],
  [
    "max-packets",
    `the packet limit that was asked for cut the answer after 3 packets, 252 bytes; raise it, or ${rest}`,
  ],
  ["server-limit", `the server's own limit cut the answer after 3 packets, 252 bytes; ${rest}`],
  [
    "budget",
    `what the server gives this client within an hour cut the answer after 3 packets, 252 bytes; ${rest}, when an hour is over`,
  ],
])("says what cut an answer, and where to go on: %s", (stoppedBy, words) => {
  expect(shortcomingsOf({ ...whole, stoppedBy })).toEqual([words]);
});

it("advises nobody to go on behind packets that never fit", () => {
  const none = { ...whole, packets: 0, pcapBytes: 24, lastPacketNs: undefined };
  expect(shortcomingsOf({ ...none, stoppedBy: "max-bytes" })).toEqual([
    "the byte limit that was asked for left no room for the first packet; raise it",
  ]);
  expect(shortcomingsOf({ ...none, stoppedBy: "server-limit" })).toEqual([
    "the server's own limit left no room for the first packet",
  ]);
  expect(shortcomingsOf({ ...none, stoppedBy: "budget" })[0]).toMatch(
    /; ask for the rest from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z, when an hour is over$/,
  );
});

it("says what the client's role keeps from it", () => {
  const role = { ...whole, policyFilter: "net 10.0.0.0/8", payloadLimitBytes: 0 };
  const sees = "this client's role sees only packets that match net 10.0.0.0/8";
  expect(shortcomingsOf(role)).toEqual([
    sees,
    "this client's role cuts packets 0 bytes behind their transport header",
  ]);
  // Of no packet nothing is cut.
  expect(shortcomingsOf({ ...role, packets: 0, lastPacketNs: undefined })).toEqual([sees]);
});

it.each([
  [1, "1 packet matches"],
  [27, "27 packets match"],
])("says that %i of the packets match behind a VLAN tag only", (recordsBehindVlan, words) => {
  expect(shortcomingsOf({ ...whole, recordsBehindVlan })).toEqual([
    `${words} only behind a VLAN tag, where this filter does not look: ask with vlan_transparent (vlanTransparent, --any-vlan)`,
  ]);
});

describe("an answer for a window of which nothing is covered", () => {
  const { startNs, endNs } = window;
  const nothing = "the sensor has nothing of this window";
  const uncovered = (change: Partial<Answered>, extent: Omit<Coverage, "gaps"> = {}) =>
    shortcomingsOf({ ...whole, covered: "none", coverage: { ...extent, gaps: [notYet] }, ...change })[0];

  it("says first that the sensor has nothing, where that is sure", () => {
    expect(uncovered({}, { newestPacketNs: startNs - 1n })).toBe(nothing);
    expect(uncovered({}, { oldestPacketNs: endNs })).toBe(nothing);
    expect(uncovered({ filter: "", recordsSeen: 3, recordsOutsideWindow: 3 })).toBe(nothing);
  });

  it("does not say so where another capture thread may have had packets", () => {
    const unsure = "the sensor can answer for no moment of this window in full";
    expect(uncovered({}, { oldestPacketNs: startNs, newestPacketNs: startNs })).toBe(unsure);
    expect(uncovered({ filter: "", recordsSeen: 3, recordsOutsideWindow: 2 })).toBe(unsure);
    const none = { recordsSeen: 0, recordsOutsideWindow: 0 };
    expect(uncovered(none)).toBe(unsure);
    expect(uncovered({ ...none, filter: "", policyFilter: "net 10.0.0.0/8" })).toBe(unsure);
  });
});

describe("a newest packet that is much older than the window's end", () => {
  const { startNs, endNs } = window;
  const old = (ns: bigint) => ({ newestPacketNs: endNs - ns });

  it.each<[bigint, bigint, string]>([
    [5n * day, 0n, "5 days"],
    [5n * day, day, "6 days"],
    [61n * minute, 0n, "61 minutes"],
    [47n * 60n * minute, 0n, "47 hours"],
  ])("means that capture has probably stopped, and nobody is to ask again soon", (age, agoNs, words) => {
    expect(text(notYet, endNs + agoNs, old(age))).toEqual([
      `the newest packet is ${words} old: capture has probably stopped`,
      expect.stringMatching(/^not on disk after .*, the sensor's newest packet \(asked from [^;]*$/),
    ]);
  });

  it("does so where only the end of the window lies behind it, and where the source calls that missing", () => {
    const long = { ...whole, window: { startNs: startNs - 9n * day, endNs } };
    const gap = { startNs: startNs - 5n * day, endNs };
    const words = (reason: CoverageGap["reason"]) =>
      shortcomingsOf(
        { ...long, coverage: { newestPacketNs: gap.startNs, gaps: [{ ...gap, reason }] } },
        Number(endNs / 1_000_000n),
      );
    expect(words("not-yet-written")).toEqual([
      "the newest packet is 5 days old: capture has probably stopped",
      "not on disk after 2025-12-28T03:04:05Z (asked up to 2026-01-02T03:05:05Z)",
    ]);
    expect(words("missing")[0]).toMatch(/^the newest packet is 5 days old/);
  });

  it("says nothing up to an hour, of a window in the future, or of one that begins too early", () => {
    const stopped = expect.stringContaining("stopped");
    expect(text(notYet, endNs, old(60n * minute))).not.toContainEqual(stopped);
    expect(text(notYet, startNs - 9n * day, { newestPacketNs: startNs - 9n * day })).not.toContainEqual(
      stopped,
    );
    expect(text(agedOut, endNs, old(day))).not.toContainEqual(stopped);
  });
});
