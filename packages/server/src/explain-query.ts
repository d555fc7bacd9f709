import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { ExplainQueryRequest, ExplainQueryResponseSchema } from "@stenogrpc/protocol";
import { StenoRequestSchema } from "@stenogrpc/protocol";
import { printFilter } from "@stenogrpc/query";
import { orAbort } from "./abortable.js";
import { RequestRecord } from "./audit/request-record.js";
import type { SensorService } from "./sensor-service.js";
import { dialects } from "./summary.js";
import { nsToTimestamp } from "./timestamps.js";
import { toConnectError } from "./to-connect-error.js";

/** Answers what FetchPcap would do with a request: without a place, without opening the source, without a packet read. */
export function explainQuery(service: SensorService) {
  return async (
    { query = create(StenoRequestSchema) }: ExplainQueryRequest,
    context: HandlerContext,
  ): Promise<MessageInitShape<typeof ExplainQueryResponseSchema>> => {
    const { source, sensor } = service;
    const { signal } = context;
    const record = new RequestRecord(service, "ExplainQuery", context.values, query);
    try {
      record.permit = await service.permit("ExplainQuery", context, query);
      const plan = service.plan(query, record.permit.role);
      record.plan = plan;
      const cost = source.estimate && (await orAbort(source.estimate(plan, signal), signal));
      const usesIndex = source.abilities?.index ?? false;
      const filter = plan.filter ? printFilter(plan.filter) : "";
      await record.succeeded();
      return {
        filterDialect: plan.dialect && dialects[plan.dialect],
        filter,
        windowStart: nsToTimestamp(plan.window.startNs),
        windowEnd: nsToTimestamp(plan.window.endNs),
        index: plan.index ? printFilter(plan.index) : "",
        residual: filter,
        explanation: [...plan.explanation],
        source: source.kind,
        sensor,
        usesIndex,
        cost: cost && { files: BigInt(cost.files), bytes: BigInt(cost.bytes) },
      };
    } catch (error) {
      const failure = await record.refusal(toConnectError(error));
      service.logger.warn(
        { rpc: "ExplainQuery", error: failure.rawMessage, err: failure.cause },
        "explanation refused",
      );
      throw failure;
    }
  };
}
