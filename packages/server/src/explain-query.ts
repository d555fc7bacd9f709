import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { LinkType } from "@stenogrpc/pcap";
import type { ExplainQueryRequest, ExplainQueryResponseSchema } from "@stenogrpc/protocol";
import { StenoRequestSchema } from "@stenogrpc/protocol";
import { compileFilter, FilterCostError, FilterMeaningError, printFilter } from "@stenogrpc/query";
import { orAbort } from "./abortable.js";
import type { Plan } from "./plan-retrieval.js";
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
      const refusal = await service.inTurn(call.permit, signal, () => refusalOnEthernet(plan));
      const usesIndex = source.abilities?.index ?? false;
      const filter = plan.filter ? printFilter(plan.filter) : "";
      return {
        filterDialect: plan.dialect && dialects[plan.dialect],
        filter,
        windowStart: nsToTimestamp(plan.window.startNs),
        windowEnd: nsToTimestamp(plan.window.endNs),
        index: plan.index ? printFilter(plan.index) : "",
        residual: filter,
        explanation: [...plan.explanation, ...refusal],
        source: source.kind,
        sensor,
        usesIndex,
        cost: cost && { files: BigInt(cost.files), bytes: BigInt(cost.bytes) },
      };
    });
}

/** Whether the filter costs too much, in words. No capture is opened here: most are of Ethernet, and on others it costs about as much. */
function refusalOnEthernet({ filter, vlanTransparent }: Plan): string[] {
  try {
    if (filter) compileFilter(filter, { linkType: LinkType.ethernet, vlanTransparent });
  } catch (error) {
    if (error instanceof FilterCostError)
      return [`FetchPcap refuses this where captures are of Ethernet (FILTER_TOO_COSTLY): ${error.message}`];
    if (!(error instanceof FilterMeaningError)) throw error; // a test for another link type
  }
  return [];
}
