import type { ContextValues, Interceptor } from "@connectrpc/connect";
import type { ClientTrust } from "./certificates/client-trust.js";
import { clientCertificateKey, identityOf } from "./identity.js";
import { toConnectError } from "./to-connect-error.js";

/**
 * Refuses every call that has no verified client certificate, or one that is not good any more, before its message is read.
 *
 * This holds whatever server the routes are mounted on: a host service that forgot to require certificates serves nothing.
 */
export function requireClientCertificate(trust: ClientTrust): Interceptor {
  return (next) => (request) => {
    assertClientCertificate(request.contextValues, trust);
    return next(request);
  };
}

/** @throws ConnectError where the call has no verified client certificate, or one that is not good any more */
export function assertClientCertificate(values: ContextValues, trust: ClientTrust): void {
  const certificate = values.get(clientCertificateKey);
  const refusal = certificate && trust.refusal(certificate);
  if (refusal) throw toConnectError(refusal);
  try {
    identityOf(values);
  } catch (error) {
    throw toConnectError(error);
  }
}
