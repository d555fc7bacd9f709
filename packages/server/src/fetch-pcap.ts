import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { BatchStage, CaptureHeader } from "@stenogrpc/pcap";
import {
  chunked,
  conformTo,
  createTally,
  digest,
  limit,
  match,
  pipe,
  tally,
  timeWindow,
  verify,
} from "@stenogrpc/pcap";
import type { ResponseSchema, StenoRequest } from "@stenogrpc/protocol";
import { compileFilter } from "@stenogrpc/query";
import { abortable, orAbort } from "./abortable.js";
import type { Plan } from "./plan-retrieval.js";
import { Retrieval } from "./retrieval.js";
import type { SensorService } from "./sensor-service.js";
import type { OpenSource } from "./sources/packet-source.js";
import { SourceError } from "./sources/packet-source.js";
import type { SourceOutcome } from "./sources/source-outcome.js";
import { lastMessage, losesPackets } from "./summary.js";

/** One message of an answer, before it is encoded. */
export type ResponseInit = MessageInitShape<typeof ResponseSchema>;

/** Answers FetchPcap, whatever carries it. */
export type FetchHandler = (request: StenoRequest, context: HandlerContext) => AsyncGenerator<ResponseInit>;

/**
 * The way of one request: plan it, take a place, open the source, and pass its records through the exact window, the
 * exact filter and the limits, in messages cut between records. The last message says what was sent.
 */
export function fetchPcap(service: SensorService): FetchHandler {
  return async function* (request, context) {
    const retrieval = new Retrieval(service, context);
    try {
      const plan = service.plan(request);
      retrieval.start(plan);
      const { signal } = retrieval;
      const source = await orAbort(service.source.open(plan, signal), signal);
      const header = { ...source.header, resolution: plan.resolution ?? source.header.resolution };

      const counts = {
        recordsSeen: 0,
        recordsOutsideWindow: 0,
        recordsUnmatched: 0,
        stoppedBy: "nothing" as const,
      };
      const totals = createTally();
      const sha256 = createHash("sha256");
      const messages = pipe(
        abortable(source.batches, signal),
        verify(),
        timeWindow(plan.window, counts),
        matching(plan, source.header, counts),
        // Behind the exact checks: cut to microseconds, a packet may lie before a window that it lay in.
        inResolutionOf(header, source),
        limit({ maxBytes: plan.maxBytes?.value, maxPackets: plan.maxPackets?.value }, counts),
        tally(totals),
        chunked(header, plan.chunkBytes),
        digest(sha256),
      );
      for await (const pcap of messages) {
        retrieval.sent(pcap.length);
        yield { uid: plan.uid, pcap };
      }

      const wholeness = await orAbort(wholenessOf(source, plan), signal);
      const last = lastMessage({
        plan,
        counts,
        totals,
        pcapBytes: retrieval.pcapBytes,
        sha256: sha256.digest(),
        warnings: source.warnings,
        wholeness,
        sensor: service.sensor,
        source: service.source.kind,
      });
      // Before the last message: once a client has it, the log has it too.
      retrieval.finish(totals.packets, counts.stoppedBy, wholeness);
      yield last;
    } catch (error) {
      throw retrieval.fail(error);
    } finally {
      retrieval.leave();
    }
  };
}

function matching(plan: Plan, header: CaptureHeader, counts: { recordsUnmatched: number }): BatchStage {
  if (plan.filter === undefined) return (batches) => batches;
  const { linkType, byteOrder } = header;
  return match(
    compileFilter(plan.filter, { linkType, byteOrder, vlanTransparent: plan.vlanTransparent }),
    counts,
  );
}

/** Time stamps in the unit that was asked for. */
function inResolutionOf(wanted: CaptureHeader, { header, ownsBytes }: OpenSource): BatchStage {
  if (wanted.resolution === header.resolution) return (batches) => batches;
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
