import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LimitVerdict, Tally } from "@stenogrpc/pcap";
import type { ResponseSchema } from "@stenogrpc/protocol";
import { Status, StoppedBy } from "@stenogrpc/protocol";
import { printFilter } from "@stenogrpc/query";
import type { Plan } from "./plan-retrieval.js";
import { nsToTimestamp } from "./timestamps.js";

/** What a retrieval that ran to its end has to tell. */
export interface Outcome {
  readonly plan: Plan;
  readonly counts: LimitVerdict & {
    recordsSeen: number;
    recordsOutsideWindow: number;
    recordsUnmatched: number;
  };
  readonly totals: Tally;
  readonly pcapBytes: number;
  readonly sha256: Uint8Array;
  readonly warnings: readonly string[];
  readonly sensor: string;
  readonly source: string;
}

/** The message that closes an answer: how it ended and what was sent. It carries no packets. */
export function lastMessage(outcome: Outcome): MessageInitShape<typeof ResponseSchema> {
  const { plan, counts, totals } = outcome;
  const stoppedBy = stoppedByOf(outcome);
  return {
    uid: plan.uid,
    status: statusOf(stoppedBy, totals.packets),
    summary: {
      packets: BigInt(totals.packets),
      pcapBytes: BigInt(outcome.pcapBytes),
      sha256: new Uint8Array(outcome.sha256),
      firstPacket: totals.firstNs === undefined ? undefined : nsToTimestamp(totals.firstNs),
      lastPacket: totals.lastNs === undefined ? undefined : nsToTimestamp(totals.lastNs),
      stoppedBy,
      source: outcome.source,
      sensor: outcome.sensor,
      recordsSeen: BigInt(counts.recordsSeen),
      recordsOutsideWindow: BigInt(counts.recordsOutsideWindow),
      recordsUnmatched: BigInt(counts.recordsUnmatched),
      windowStart: nsToTimestamp(plan.window.startNs),
      windowEnd: nsToTimestamp(plan.window.endNs),
      filter: plan.filter ? printFilter(plan.filter) : "",
      warnings: [...outcome.warnings],
    },
  };
}

function stoppedByOf({ plan, counts }: Outcome): StoppedBy {
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
