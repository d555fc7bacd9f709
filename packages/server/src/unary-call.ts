import type { HandlerContext } from "@connectrpc/connect";
import type { StenoRequest } from "@stenogrpc/protocol";
import type { Permit, Rpc } from "./access/access.js";
import { RequestRecord } from "./audit/request-record.js";
import { failureFields } from "./failure-fields.js";
import { logLevelOf, outcomeOf } from "./outcome.js";
import type { Plan } from "./plan-retrieval.js";
import type { SensorService } from "./sensor-service.js";
import { toConnectError } from "./to-connect-error.js";

/** A call with one answer. */
export interface UnaryCall {
  readonly rpc: Exclude<Rpc, "FetchPcap">;
  /** Not for DescribeSensor. */
  readonly request?: StenoRequest;
  readonly context: HandlerContext;
}

/** What an answer is made with. */
export interface CallAtWork {
  readonly permit: Permit;
  /** Reads the request into a plan, and has the audit know it. */
  plan(request: StenoRequest): Promise<Plan>;
}

/** Answers a call if it is allowed, once that is written down, and logs why not, or why it failed. */
export async function answerCall<Answer>(
  service: SensorService,
  { rpc, request, context }: UnaryCall,
  answer: (call: CallAtWork) => Promise<Answer>,
): Promise<Answer> {
  const record = new RequestRecord(service, rpc, context.values, request);
  try {
    const permit = await service.permit(rpc, context, request);
    record.permit = permit;
    const plan = async (query: StenoRequest): Promise<Plan> => {
      const made = await service.plan(query, permit, context.signal);
      record.plan = made;
      return made;
    };
    const answered = await answer({ permit, plan });
    await record.succeeded();
    return answered;
  } catch (error) {
    const failure = await record.refusal(toConnectError(error));
    const fields = { ...record.logFields(), ...failureFields(failure) };
    service.logger[logLevelOf(failure)](fields, `call ${outcomeOf(failure, 0)}`);
    throw failure;
  }
}
