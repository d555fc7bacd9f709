import type { X509Certificate } from "node:crypto";
import type { ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { ContextValues } from "@connectrpc/connect";
import { createContextKey, createContextValues } from "@connectrpc/connect";
import { type AltNames, readAltNames } from "./access/alt-names.js";
import { peerAddressKey } from "./audit/peer-address.js";
import { lineKey, lineOfStream } from "./connections/line.js";
import { tlsSocketOf } from "./http2/session-sockets.js";
import { peerCertificate } from "./peer-certificate.js";
import { RequestError } from "./request-error.js";

/** Who is asking, read from the client certificate that TLS has verified. */
export interface ClientIdentity extends AltNames {
  /** Common name of the certificate's subject, if it has one and not several. */
  readonly commonName: string | undefined;
  /** The whole subject, one attribute a line, as Node prints it. */
  readonly subject: string;
  /** Subject alternative names as Node prints them: "DNS:host, URI:spiffe://...". */
  readonly subjectAltName: string | undefined;
  /** SHA-256 of the certificate: 32 bytes in upper-case hex, colons between. */
  readonly fingerprint256: string;
}

/** Where the identity travels: from the socket to the interceptor that decides. */
export const clientIdentityKey = createContextKey<ClientIdentity | undefined>(undefined, {
  description: "identity of the client certificate",
});

/** The certificate itself, for whoever has to know more than the identity. */
export const clientCertificateKey = createContextKey<X509Certificate | undefined>(undefined, {
  description: "client certificate",
});

/**
 * Takes the client's identity from a request's TLS socket.
 *
 * Give it as `contextValues` to connectNodeAdapter, fastifyConnectPlugin or expressConnectMiddleware. Without a verified
 * certificate the values are empty and every call is refused. Never throws: an exception here would end the process.
 */
export function clientIdentity(request: unknown): ContextValues {
  const values = createContextValues();
  const like = request as RequestLike; // only optional fields, each checked before use
  const { stream } = like.raw ?? like;
  if (stream !== undefined) values.set(lineKey, lineOfStream(stream));
  try {
    values.set(peerAddressKey, connectionOf(like)?.remoteAddress);
    const certificate = certificateOf(like);
    if (certificate) {
      values.set(clientIdentityKey, readIdentity(certificate)).set(clientCertificateKey, certificate);
    }
  } catch {
    // A socket that is already gone has no certificate to show; the interceptor then refuses the call.
  }
  return values;
}

/** The certificate that TLS has verified for a request's connection. Undefined without one, and where the connection is gone. */
export function certificateOf(request: RequestLike): X509Certificate | undefined {
  try {
    const socket = connectionOf(request);
    return socket?.authorized === true ? peerCertificate(socket) : undefined;
  } catch {
    return undefined; // an HTTP/2 session that has ended throws whatever is asked of its socket
  }
}

/** What the three kinds of request hold: HTTP/2 and HTTP/1.1 from Node, and Fastify's, which wraps one of them. */
export interface RequestLike {
  readonly raw?: RequestLike;
  readonly socket?: TLSSocket;
  readonly stream?: ServerHttp2Stream;
}

/** The connection that a request came by. */
function connectionOf(request: RequestLike): TLSSocket | undefined {
  const { stream, socket } = request.raw ?? request;
  return stream?.session ? tlsSocketOf(stream.session) : socket;
}

/** The identity in a certificate that TLS has verified. */
export function readIdentity(certificate: X509Certificate): ClientIdentity {
  // Node prints the subject with escapes; the legacy object has the name as it is, and a list where there are several.
  const commonName: unknown = certificate.toLegacyObject().subject?.CN;
  return {
    commonName: typeof commonName === "string" ? commonName : undefined,
    subject: certificate.subject,
    subjectAltName: certificate.subjectAltName,
    fingerprint256: certificate.fingerprint256,
    ...readAltNames(certificate.subjectAltName ?? ""),
  };
}

/**
 * Who is asking.
 *
 * @throws RequestError "client-certificate-required"
 */
export function identityOf(values: ContextValues): ClientIdentity {
  const identity = values.get(clientIdentityKey);
  if (identity !== undefined) return identity;
  throw new RequestError(
    "client-certificate-required",
    "a verified client certificate is required; on a server of your own, request one (requestCert) and pass `contextValues: clientIdentity` to the Connect adapter",
  );
}

/** What stays the same when a certificate is renewed: budgets and places are counted by it. */
export function identityKey({ subject, subjectAltName = "" }: ClientIdentity): string {
  return JSON.stringify([subject, subjectAltName]);
}

/** One name for logs and answers: the first URI (a SPIFFE id), else the common name, else another name, else the fingerprint. */
export function identityName({ uris, commonName, emails, dns, fingerprint256 }: ClientIdentity): string {
  return uris[0] ?? commonName ?? emails[0] ?? dns[0] ?? fingerprint256;
}
