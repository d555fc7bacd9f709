import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LimitVerdict, Tally } from "@stenogrpc/pcap";
import type { ResponseSchema } from "@stenogrpc/protocol";
import { Completeness, FilterDialect, GapReason, Status, StoppedBy } from "@stenogrpc/protocol";
import { printFilter } from "@stenogrpc/query";
import type { BudgetVerdict } from "./budgets.js";
import type { Plan } from "./plan-retrieval.js";
import type { Coverage, CoverageGap, SourceOutcome } from "./sources/source-outcome.js";
import { nsToTimestamp } from "./timestamps.js";
import { serverVersion } from "./version.js";

/** What a retrieval that ran to its end has to tell. */
export interface Outcome {
  readonly plan: Plan;
  readonly counts: LimitVerdict &
    BudgetVerdict & {
      recordsSeen: number;
      recordsOutsideWindow: number;
      recordsUnmatched: number;
    };
  readonly totals: Tally;
  readonly pcapBytes: number;
  readonly sha256: Uint8Array;
  /** Unmatched records that match behind a VLAN tag, where the filter does not look. */
  readonly recordsBehindVlan: number;
  readonly warnings: readonly string[];
  /** What the source says about how whole its answer is. */
  readonly wholeness: SourceOutcome;
  /** Who asked, by the name that the log has. */
  readonly clientIdentity: string;
  /** The server's clock, in nanoseconds since the epoch. */
  readonly nowNs: bigint;
  readonly sensor: string;
  readonly source: string;
}

/** The message that closes an answer: how it ended and what was sent. It carries no packets. */
export function lastMessage(outcome: Outcome): MessageInitShape<typeof ResponseSchema> {
  const { plan, counts, totals, wholeness } = outcome;
  const stoppedBy = stoppedByOf(outcome);
  return {
    uid: plan.uid,
    status: losesPackets(wholeness) ? Status.INCOMPLETE : statusOf(stoppedBy, totals.packets),
    summary: {
      packets: BigInt(totals.packets),
      pcapBytes: BigInt(outcome.pcapBytes),
      sha256: new Uint8Array(outcome.sha256),
      firstPacket: timestampOf(totals.firstNs),
      lastPacket: timestampOf(totals.lastNs),
      stoppedBy,
      source: outcome.source,
      sensor: outcome.sensor,
      recordsSeen: BigInt(counts.recordsSeen),
      recordsOutsideWindow: BigInt(counts.recordsOutsideWindow),
      recordsUnmatched: BigInt(counts.recordsUnmatched),
      windowStart: nsToTimestamp(plan.window.startNs),
      windowEnd: nsToTimestamp(plan.window.endNs),
      filter: plan.filter ? printFilter(plan.filter) : "",
      filterDialect: plan.dialect && dialects[plan.dialect],
      recordsBehindVlan: BigInt(outcome.recordsBehindVlan),
      warnings: [...outcome.warnings, ...vlanWarnings(outcome.recordsBehindVlan)],
      coverage: wholeness.coverage && coverageMessage(wholeness.coverage),
      completeness: wholeness.completeness === "proved" ? Completeness.PROVED : Completeness.UNPROVED,
      damage: damageMessages(wholeness),
      serverVersion,
      clientIdentity: outcome.clientIdentity,
      policyFilter: plan.policy ? printFilter(plan.policy) : "",
      payloadLimit: plan.payloadBytes,
      serverTime: nsToTimestamp(outcome.nowNs),
    },
  };
}

/** For clients that know no `records_behind_vlan`; ours has the same words, and shows them once. */
function vlanWarnings(records: number): string[] {
  if (records === 0) return [];
  const subject = records === 1 ? "1 packet matches" : `${records} packets match`;
  return [
    `${subject} only behind a VLAN tag, where this filter does not look: ask with vlan_transparent (vlanTransparent, --any-vlan)`,
  ];
}

/** Whether damage in the source may have cost packets that were wanted. */
export function losesPackets({ damage = [] }: SourceOutcome): boolean {
  return damage.some((found) => found.losesPackets);
}

const mostDamageTold = 100;

/** What cost packets first: an incomplete answer must say why, however much else there is. */
function damageMessages({ damage = [] }: SourceOutcome) {
  return damage
    .toSorted((a, b) => Number(b.losesPackets) - Number(a.losesPackets))
    .slice(0, mostDamageTold)
    .map(({ offset, ...rest }) => ({ ...rest, offset: offset === undefined ? undefined : BigInt(offset) }));
}

/** The languages of filters as the wire has them. */
export const dialects = { stenographer: FilterDialect.STENOGRAPHER, pcap: FilterDialect.PCAP } as const;

const gapReasons = {
  "aged-out": GapReason.AGED_OUT,
  "not-yet-written": GapReason.NOT_YET_WRITTEN,
  missing: GapReason.MISSING,
} as const;

function coverageMessage({ oldestPacketNs, newestPacketNs, gaps }: Coverage) {
  return {
    oldestPacket: timestampOf(oldestPacketNs),
    newestPacket: timestampOf(newestPacketNs),
    gaps: gaps.map(({ startNs, endNs, reason, expectedAtNs }: CoverageGap) => ({
      start: nsToTimestamp(startNs),
      end: nsToTimestamp(endNs),
      reason: gapReasons[reason],
      expectedAt: timestampOf(expectedAtNs),
    })),
  };
}

function timestampOf(timestampNs: bigint | undefined) {
  return timestampNs === undefined ? undefined : nsToTimestamp(timestampNs);
}

function stoppedByOf({ plan, counts }: Outcome): StoppedBy {
  if (counts.budgetUsedUp) return StoppedBy.BUDGET;
  switch (counts.stoppedBy) {
    case "nothing":
      return StoppedBy.NOTHING;
    case "max-bytes":
      return plan.maxBytes?.setBy === "server" ? StoppedBy.SERVER_LIMIT : StoppedBy.MAX_BYTES;
    case "max-packets":
      return plan.maxPackets?.setBy === "server" ? StoppedBy.SERVER_LIMIT : StoppedBy.MAX_PACKETS;
  }
}

function statusOf(stoppedBy: StoppedBy, packets: number): Status {
  if (stoppedBy !== StoppedBy.NOTHING) return Status.TRUNCATED;
  return packets === 0 ? Status.NO_PACKETS : Status.OK;
}
