import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { ExplainQueryRequest, ExplainQueryResponseSchema } from "@stenogrpc/protocol";
import { StenoRequestSchema } from "@stenogrpc/protocol";
import { printFilter } from "@stenogrpc/query";
import { orAbort } from "./abortable.js";
import type { SensorService } from "./sensor-service.js";
import { dialects } from "./summary.js";
import { nsToTimestamp } from "./timestamps.js";
import { answerCall } from "./unary-call.js";

/** Answers what FetchPcap would do with a request: without a place, without opening the source, without a packet read. */
export function explainQuery(service: SensorService) {
  return (
    { query: request = create(StenoRequestSchema) }: ExplainQueryRequest,
    context: HandlerContext,
  ): Promise<MessageInitShape<typeof ExplainQueryResponseSchema>> =>
    answerCall(service, { rpc: "ExplainQuery", request, context }, async (call) => {
      const { source, sensor } = service;
      const { signal } = context;
      const plan = await call.plan(request);
      const cost = source.estimate && (await orAbort(source.estimate(plan, signal), signal));
      const usesIndex = source.abilities?.index ?? false;
      const filter = plan.filter ? printFilter(plan.filter) : "";
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
    });
}
