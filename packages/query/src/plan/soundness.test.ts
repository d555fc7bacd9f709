import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answer, type StoredPacket } from "../../test-support/daemon.js";
import { brokenHeaders, indexKeys } from "../../test-support/index-keys.js";
import { plannedFilterText, plannedFrame } from "../../test-support/plan-arbitraries.js";
import { usableFilter } from "../../test-support/usable-filter.js";
import { compileFilter, type FilterNode, type PcapFilterNode, printFilter } from "../index.js";
import { primitives } from "../stenographer/walk.js";
import { planFilter } from "./plan-filter.js";

const runs = Number(process.env.PLAN_RUNS ?? 2000);
const seed = Number(process.env.PLAN_SEED ?? 1);
const framesAtOnce = 400;
const filtersAtOnce = 500;
const startSeconds = 1_700_000_000;
const window = {
  from: BigInt(startSeconds) * 1_000_000_000n,
  to: BigInt(startSeconds + 600) * 1_000_000_000n,
};

interface Stored extends StoredPacket {
  readonly frame: Uint8Array;
  readonly seconds: number;
  readonly broken: "none" | "transport" | "earlier";
}

function stored(frame: Uint8Array, i: number): Stored {
  const seconds = startSeconds + ((i * 7) % 600);
  return {
    frame,
    seconds,
    timestampNs: BigInt(seconds) * 1_000_000_000n,
    keys: indexKeys(frame),
    broken: brokenHeaders(frame),
  };
}

const capture = readFileSync(new URL("../../fixtures/daemon-capture.pcap", import.meta.url));

function* captured(): Generator<Uint8Array> {
  for (let at = 24; at < capture.length; ) {
    const length = capture.readUInt32LE(at + 8);
    yield Uint8Array.from(capture.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
}

function select(
  filter: FilterNode | PcapFilterNode,
  packets: readonly Stored[],
  vlanTransparent: boolean,
): Stored[] {
  const matches = compileFilter(filter, { linkType: 1, vlanTransparent });
  return packets.filter(({ frame, seconds }) => matches(frame, 0, frame.length, frame.length, seconds, 0));
}

const seen = { filters: 0, withIndex: 0, withMatches: 0, withBoth: 0, matches: 0, exempt: 0 };

/** A packet that the index gives up on: the documented exception. */
function isExempt({ broken }: Stored, index: FilterNode): boolean {
  if (broken === "transport") return [...primitives(index)].some(({ kind }) => kind === "port");
  return broken === "earlier";
}

/** The packets that the filter matches and the plan would lose. */
function lost(text: string, packets: readonly Stored[], vlanTransparent: boolean): string[] {
  const filter = usableFilter(text);
  if (filter === undefined) return [];
  const { index, query } = planFilter(filter, { ...window, vlanTransparent });
  const wanted = select(filter, packets, vlanTransparent);
  seen.filters++;
  seen.matches += wanted.length;
  if (wanted.length > 0) seen.withMatches++;
  if (index === undefined) return [];
  seen.withIndex++;
  if (wanted.length > 0) seen.withBoth++;
  const due = wanted.filter((packet) => !isExempt(packet, index));
  seen.exempt += wanted.length - due.length;
  const byMatcher = new Set(select(index, due, false));
  // A file for each packet, made when it came; what the keys say is all that the daemon has.
  const files = due.map((packet) => ({ nameUs: packet.timestampNs / 1000n, packets: [packet] }));
  const byKeys = answer(query, files);
  return due
    .filter((packet) => !byMatcher.has(packet) || !byKeys.has(packet))
    .map(
      ({ frame }) =>
        `${text} is planned as ${printFilter(index)}, loses ${Buffer.from(frame).toString("hex")}`,
    );
}

describe("a plan", () => {
  it(`loses nothing that the filter matches, for ${runs} filters (PLAN_RUNS) from seed ${seed} (PLAN_SEED)`, () => {
    for (let round = 0; round * filtersAtOnce < runs; round++) {
      const frames = fc.sample(plannedFrame, { numRuns: framesAtOnce, seed: seed + round });
      const packets = (round % 4 === 0 ? [...frames, ...captured()] : frames).map(stored);
      fc.assert(
        fc.property(plannedFilterText, fc.boolean(), (text, vlanTransparent) => {
          expect(lost(text, packets, vlanTransparent)).toEqual([]);
        }),
        { numRuns: Math.min(filtersAtOnce, runs - round * filtersAtOnce), seed: seed + round },
      );
    }
    if (process.env.PLAN_RUNS !== undefined) console.log(seen);
    expect(seen.filters).toBeGreaterThan(runs * 0.5);
    expect(seen.withMatches).toBeGreaterThan(seen.filters * 0.4);
    expect(seen.withIndex).toBeGreaterThan(seen.filters * 0.3);
    expect(seen.withBoth).toBeGreaterThan(seen.filters * 0.15);
    expect(seen.exempt).toBeLessThan(seen.matches * 0.05);
  });
});
