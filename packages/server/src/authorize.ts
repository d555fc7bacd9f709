import type { ContextValues, Interceptor } from "@connectrpc/connect";
import { clientIdentityKey } from "./identity.js";
import { RequestError } from "./request-error.js";
import { toConnectError } from "./to-connect-error.js";

/**
 * Refuses every call that has no verified client certificate, before its message is read.
 *
 * This holds whatever server the routes are mounted on: a host service that forgot to require certificates serves nothing.
 */
export const requireClientCertificate: Interceptor = (next) => (request) => {
  assertClientCertificate(request.contextValues);
  return next(request);
};

/** @throws ConnectError "unauthenticated" where the call has no verified client certificate */
export function assertClientCertificate(values: ContextValues): void {
  if (values.get(clientIdentityKey) !== undefined) return;
  throw toConnectError(
    new RequestError(
      "client-certificate-required",
      "a verified client certificate is required; on a server of your own, request one (requestCert) and pass `contextValues: clientIdentity` to the Connect adapter",
    ),
  );
}
