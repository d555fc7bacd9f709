import type { BatchStage, CaptureHeader, MatchCounts, NearMisses, Turns } from "@stenogrpc/pcap";
import {
  chunkRuns,
  conformTo,
  createTally,
  limit,
  match,
  pipe,
  slice,
  tally,
  timeWindow,
  verify,
} from "@stenogrpc/pcap";
import { Status } from "@stenogrpc/protocol";
import { compileFilter, compileTaggedFilter, type FrameMatcher, headerLength } from "@stenogrpc/query";
import { abortable, orAbort } from "./abortable.js";
import type { FetchHandler } from "./answer-part.js";
import type { AuditOutcome } from "./audit/audit-record.js";
import { withinBudget } from "./budgets.js";
import { identityName } from "./identity.js";
import type { Plan } from "./plan-retrieval.js";
import { Retrieval } from "./retrieval.js";
import type { SensorService } from "./sensor-service.js";
import type { OpenSource } from "./sources/packet-source.js";
import { SourceError } from "./sources/packet-source.js";
import type { SourceOutcome } from "./sources/source-outcome.js";
import { lastMessage, losesPackets } from "./summary.js";
import { turnsUntil } from "./turns.js";

/**
 * The way of one request: see whether it is allowed, plan it, take a place, open the source, and pass its records through what
 * the role may see, the exact window, the exact filter and the limits, in messages cut between records. The last message
 * says what was sent.
 */
export function fetchPcap(service: SensorService): FetchHandler {
  return async function* (request, context) {
    const retrieval = new Retrieval(service, context, request);
    try {
      const permit = await retrieval.permit();
      const { signal } = retrieval;
      const plan = await service.plan(request, permit, signal);
      const spending = await retrieval.start(plan, permit);
      const source = await orAbort(service.source.open(plan, signal), signal);
      const matchers = await service.inTurn(permit, signal, () => matchersOf(plan, source.header));
      const turns = turnsUntil(signal);
      const header = { ...source.header, resolution: plan.resolution ?? source.header.resolution };

      const counts = {
        recordsSeen: 0,
        recordsOutsideWindow: 0,
        recordsUnmatched: 0,
        stoppedBy: "nothing" as const,
        budgetUsedUp: false,
      };
      const overlooked = matchers.behindTags && { isNear: matchers.behindTags, records: 0 };
      const totals = createTally();
      const wanted = pipe(
        abortable(source.batches, signal),
        verify(),
        // Before anything counts, so that no count tells of packets that are not for this client's eyes.
        matching(matchers.policy, turns),
        timeWindow(plan.window, counts),
        matching(matchers.filter, turns, counts, overlooked),
      );
      const runs = pipe(
        wanted,
        // Behind the exact checks: cut to microseconds, a packet may lie before a window that it lay in.
        inResolutionOf(header, source),
        sliced(plan, source.header),
        limit({ maxBytes: plan.maxBytes?.value, maxPackets: plan.maxPackets?.value }, counts),
        withinBudget(spending, counts),
        tally(totals),
        chunkRuns(header, plan.chunkBytes),
      );
      for await (const packets of runs) {
        retrieval.sent(packets.bytes);
        yield { uid: plan.uid, packets };
      }

      const wholeness = await orAbort(wholenessOf(source, plan), signal);
      const last = lastMessage({
        plan,
        counts,
        totals,
        pcapBytes: retrieval.pcapBytes,
        sha256: retrieval.sha256(),
        recordsBehindVlan: overlooked?.records ?? 0,
        warnings: source.warnings,
        wholeness,
        clientIdentity: identityName(permit.identity),
        nowNs: service.nowNs(),
        sensor: service.sensor,
        source: service.source.kind,
      });
      // Before the last message: once a client has it, the logs have it too.
      await retrieval.finish(outcomes[last.status ?? Status.OK] ?? "served", {
        packets: totals.packets,
        stoppedBy: counts.budgetUsedUp ? "budget" : counts.stoppedBy,
        wholeness,
      });
      yield { last };
    } catch (error) {
      throw await retrieval.fail(error);
    } finally {
      retrieval.leave();
    }
  };
}

/** What looks at each packet: what the role may see, and what was asked for. */
interface Matchers {
  readonly policy: FrameMatcher | undefined;
  readonly filter: FrameMatcher | undefined;
  /** Finds what matches only behind a VLAN tag; undefined where the filter looks there, or need not. */
  readonly behindTags: FrameMatcher | undefined;
}

/** The policy is in Stenographer's language, which always looks behind VLAN tags. */
function matchersOf({ policy, filter, vlanTransparent }: Plan, { linkType }: CaptureHeader): Matchers {
  return {
    policy: policy && compileFilter(policy, { linkType }),
    // Without a byte order: that of the answer is not always the one that a BSD loopback packet was captured in, so either is taken.
    filter: filter && compileFilter(filter, { linkType, vlanTransparent }),
    behindTags: filter && compileTaggedFilter(filter, { linkType, vlanTransparent }),
  };
}

const passThrough: BatchStage = (batches) => batches;

function matching(
  matcher: FrameMatcher | undefined,
  turns: Turns,
  counts?: MatchCounts,
  overlooked?: NearMisses,
): BatchStage {
  return matcher === undefined ? passThrough : match(matcher, counts, turns, overlooked);
}

/** Packets without what the role may not read of them. */
function sliced({ payloadBytes }: Plan, { linkType }: CaptureHeader): BatchStage {
  if (payloadBytes === undefined) return passThrough;
  const lengthOf = headerLength(linkType);
  return slice((...frame) => lengthOf(...frame) + payloadBytes);
}

/** What the audit calls it. */
const outcomes: Partial<Record<Status, AuditOutcome>> = {
  [Status.OK]: "served",
  [Status.TRUNCATED]: "truncated",
  [Status.NO_PACKETS]: "no-packets",
  [Status.INCOMPLETE]: "incomplete",
};

/** Time stamps in the unit that was asked for. */
function inResolutionOf(wanted: CaptureHeader, { header, ownsBytes }: OpenSource): BatchStage {
  if (wanted.resolution === header.resolution) return passThrough;
  return conformTo(wanted, { inPlace: ownsBytes });
}

/** @throws SourceError "source-corrupt" where packets were lost, and the client would not know */
async function wholenessOf(source: OpenSource, plan: Plan): Promise<SourceOutcome> {
  const wholeness = (await source.outcome?.()) ?? {};
  if (!losesPackets(wholeness) || plan.acceptIncomplete) return wholeness;
  throw new SourceError("source-corrupt", "files that may hold wanted packets are damaged", {
    details: { damage: wholeness.damage },
  });
}
