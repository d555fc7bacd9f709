import { createStenographerClient, type StenographerClient } from "@stenogrpc/client/node";
import { type FilterDialect, printFilter, stenographerQuery } from "@stenogrpc/query";
import type { PacketSource, RetrievalPlan, RoleOptions } from "@stenogrpc/server";
import { memorySource, startTestSensor } from "@stenogrpc/server/testing";
import { pcapOf } from "@stenogrpc/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { likelyFilter } from "../packages/query/test-support/arbitraries.js";
import { answer } from "../packages/query/test-support/daemon.js";
import { indexKeys } from "../packages/query/test-support/index-keys.js";
import { plannedFilterText } from "../packages/query/test-support/plan-arbitraries.js";
import { usableFilter } from "../packages/query/test-support/usable-filter.js";
import {
  type AddressedFrame,
  addressedFrame,
  isWithin,
  network,
  networkText,
} from "./support/addressed-frames.js";

/** Second of the first packet; the others come a second apart, so that a second names a packet. */
const t0 = 1_700_000_000;
const timestampNs = (i: number): bigint => BigInt(t0 + i) * 1_000_000_000n;
const mostFrames = 12;
const runs = 1100;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`role nets: SEED=${seed}`);

interface Asked {
  readonly filter: string;
  readonly dialect: FilterDialect;
  readonly vlanTransparent: boolean;
}

const asked: fc.Arbitrary<Asked> = fc
  .record({
    vlanTransparent: fc.boolean(),
    question: fc.oneof(
      fc.constant({ filter: "", dialect: "pcap" as const }),
      likelyFilter.map((node) => ({ filter: printFilter(node), dialect: "stenographer" as const })),
      plannedFilterText
        .filter((text) => usableFilter(text) !== undefined)
        .map((filter) => ({ filter, dialect: "pcap" as const })),
    ),
  })
  .map(({ vlanTransparent, question }) => ({ ...question, vlanTransparent }));

/** Gives the frames that are set: all of them, or as a Stenographer would, those that its index finds. */
class FrameSource implements PacketSource {
  readonly kind = "frames";
  readonly abilities;
  frames: readonly AddressedFrame[] = [];

  constructor(hasIndex: boolean) {
    this.abilities = { index: hasIndex };
  }

  open(plan: RetrievalPlan, signal: AbortSignal) {
    const packets = this.#chosen(plan).map((i) => ({
      timestampNs: timestampNs(i),
      data: (this.frames[i] as AddressedFrame).bytes, // i is one of theirs
    }));
    return memorySource(pcapOf(packets)).open(plan, signal);
  }

  async describe() {
    return {};
  }

  #chosen({ index, window }: RetrievalPlan): number[] {
    const all = this.frames.map((_, i) => i);
    if (index === undefined) return all;
    const packets = this.frames.map(({ bytes }, i) => ({
      timestampNs: timestampNs(i),
      keys: indexKeys(bytes),
    }));
    const found = answer(stenographerQuery(index, window), [{ nameUs: BigInt(t0) * 1_000_000n, packets }]);
    return all.filter((i) => found.has(packets[i] as (typeof packets)[number])); // i is one of theirs
  }
}

/** The packets that a fetch gives, by their numbers. */
async function fetchNumbers(
  client: StenographerClient,
  query: Asked,
): Promise<{ numbers: number[]; seen: number }> {
  const { filter, dialect, vlanTransparent } = query;
  const fetch = client.fetchPcap({
    from: t0,
    to: t0 + mostFrames,
    ...(filter === "" ? {} : { filter, dialect }),
    vlanTransparent,
  });
  const numbers: number[] = [];
  for await (const { timestampNs } of fetch.records())
    numbers.push(Number(timestampNs / 1_000_000_000n) - t0);
  const { recordsSeen } = await fetch.summary;
  return { numbers, seen: recordsSeen };
}

/**
 * What a role with nets gets is what one without gets, less the packets that were made with no address in the nets. That the
 * latter is what tcpdump would select is shown elsewhere, against tcpdump.
 */
describe.each([
  { name: "a source without an index", hasIndex: false },
  { name: "a source that chooses by Stenographer's index", hasIndex: true },
])("the nets of a role, with $name", ({ hasIndex }) => {
  it(`hold for every filter: ${runs} filters of both languages over traffic of every kind`, async () => {
    const source = new FrameSource(hasIndex);
    let role: RoleOptions = {};
    await using sensor = await startTestSensor({ source, authorize: () => ({ allow: true, role }) });
    const client = createStenographerClient(sensor.clientOptions);
    const tally = { sent: 0, withheld: 0 };
    // What the index does not find of cut frames is no matter of the role's.
    const frame = hasIndex ? addressedFrame.filter(({ isCut }) => !isCut) : addressedFrame;
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 4, maxLength: mostFrames }),
        fc.array(network, { minLength: 1, maxLength: 3 }),
        asked,
        async (frames, networks, query) => {
          source.frames = frames;
          role = {};
          const everything = await fetchNumbers(client, query);
          role = { nets: networks.map(networkText) };
          const allowed = await fetchNumbers(client, query);
          const isAllowed = (i: number): boolean =>
            (frames[i]?.addresses ?? []).some((address) => networks.some((net) => isWithin(address, net)));
          expect(allowed.numbers).toEqual(everything.numbers.filter(isAllowed));
          expect(allowed.seen).toBeLessThanOrEqual(frames.filter((_, i) => isAllowed(i)).length);
          tally.sent += allowed.numbers.length;
          tally.withheld += everything.numbers.length - allowed.numbers.length;
        },
      ),
      { numRuns: runs, seed },
    );
    await client.close();
    // Not vacuous: plenty of both.
    expect(tally.sent).toBeGreaterThan(runs / 2);
    expect(tally.withheld).toBeGreaterThan(runs / 2);
  });
});
