import type { ContextValues, Interceptor } from "@connectrpc/connect";
import type { Rpc } from "./access/access.js";
import { type RecordedServer, RequestRecord } from "./audit/request-record.js";
import type { ClientTrust } from "./certificates/client-trust.js";
import { clientCertificateKey, identityOf } from "./identity.js";
import type { Logger } from "./logger.js";
import type { RetrievalCounters } from "./metrics.js";
import { outcomeOf } from "./outcome.js";
import { reasonOf, toConnectError } from "./to-connect-error.js";

/** A server, as far as it tells who may come at all. */
export interface GuardedServer extends RecordedServer {
  /** Which client certificates are good still. */
  readonly trust: ClientTrust;
  readonly logger: Logger;
  readonly counters: RetrievalCounters;
}

/**
 * Refuses every call that has no verified client certificate, or one that is not good any more, before its message is read.
 *
 * This holds whatever server the routes are mounted on: a host service that forgot to require certificates serves nothing.
 */
export function requireClientCertificate(server: GuardedServer): Interceptor {
  return (next) => async (request) => {
    await assertClientCertificate(request.contextValues, server, request.method.name as Rpc); // our service has no other
    return next(request);
  };
}

/**
 * Refuses a call that has no verified client certificate, or one that is not good any more, and writes that down.
 *
 * @throws ConnectError
 */
export async function assertClientCertificate(
  values: ContextValues,
  server: GuardedServer,
  rpc: Rpc,
): Promise<void> {
  try {
    server.trust.assertGood(values.get(clientCertificateKey));
    identityOf(values);
  } catch (error) {
    const record = new RequestRecord(server, rpc, values);
    const failure = await record.refusal(toConnectError(error));
    // Without a stack, of which strangers could make many.
    const fields = { ...record.logFields(), reason: reasonOf(failure), error: failure.rawMessage };
    server.logger.warn(fields, "call refused");
    if (rpc === "FetchPcap") server.counters.fellShort(outcomeOf(failure, 0), reasonOf(failure), 0);
    throw failure;
  }
}
