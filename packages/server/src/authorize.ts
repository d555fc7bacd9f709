import type { ContextValues, Interceptor } from "@connectrpc/connect";
import type { ClientTrust } from "./certificates/client-trust.js";
import { clientCertificateKey, clientIdentityKey } from "./identity.js";
import { RequestError } from "./request-error.js";
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
  if (values.get(clientIdentityKey) !== undefined) return;
  throw toConnectError(
    new RequestError(
      "client-certificate-required",
      "a verified client certificate is required; on a server of your own, request one (requestCert) and pass `contextValues: clientIdentity` to the Connect adapter",
    ),
  );
}
