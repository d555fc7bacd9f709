import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

const known = new WeakMap<TLSSocket, X509Certificate>();

/**
 * The certificate that the other side of a connection has shown. Undefined where it has shown none, or is gone.
 *
 * Not by `socket.getPeerX509Certificate()`: on a server, Node 20 and 22 never free what that returns, about 4.5 KiB a connection.
 */
export function peerCertificate(socket: TLSSocket): X509Certificate | undefined {
  const seen = known.get(socket);
  if (seen !== undefined) return seen;
  // Typed as always there; Node gives null for a connection that is gone, and an empty object where there is no certificate.
  const raw = (socket.getPeerCertificate() as { raw?: Buffer } | null)?.raw;
  if (raw === undefined) return undefined;
  const certificate = new X509Certificate(raw);
  known.set(socket, certificate);
  return certificate;
}
