import { Code } from "@connectrpc/connect";
import type { ConnectionFailure, ExplainFailure } from "../../error-from-rpc.js";
import type { ConnectAttempt, ConnectionManager } from "./connection-manager.js";

// Node's names for what OpenSSL finds wrong with a peer's chain (X509_V_ERR_*), and Node's own for the name.
const untrustedServer = new Set([
  "CERT_CHAIN_TOO_LONG",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

// The alerts by which a server refuses a certificate (RFC 8446, section 6.2), as Node names OpenSSL's errors.
// handshake_failure is what TLS 1.2 says when none was sent.
const refusedCertificate =
  /^ERR_SSL_\w*ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)$/;

const tlsVersion = /^ERR_SSL_\w*(PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)$/;
const notTls = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
]);
const notHttp2 = new Set(["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL"]);

/** Says what became of the connection, from what Node knows and the call's error hides. */
export function explainFailureOf(manager: ConnectionManager, server: string): ExplainFailure {
  return async (error) => {
    const connection = await manager.connectionState();
    if (connection === undefined) return undefined;
    const codes = [...errorCodes(error), ...errorCodes(connection.error)];
    if (!connection.secured) return connection.gone ? notConnected(codes, connection, server) : undefined;
    if (codes.some((code) => refusedCertificate.test(code)))
      return clientCertificateRejected(server, connection);
    // connect-node's own words for a stream that was reset, and connect's for one that ended without a status.
    const streamEnded =
      codes.some((code) => code.startsWith("ERR_HTTP2_")) ||
      /^http\/2 stream closed|missing status/.test(error.rawMessage) ||
      [Code.Canceled, Code.Aborted, Code.Unavailable].includes(error.code);
    if (connection.gone && !connection.heard) return hungUpOnCertificate(server, connection);
    if (connection.gone || streamEnded) return connectionLost(server, connection.gone);
    return undefined;
  };
}

function notConnected(codes: readonly string[], attempt: ConnectAttempt, server: string): ConnectionFailure {
  const untrusted = codes.find((code) => untrustedServer.has(code));
  if (untrusted !== undefined) return serverUntrusted(server, untrusted, attempt);
  if (codes.some((code) => refusedCertificate.test(code))) return clientCertificateRejected(server, attempt);
  if (codes.some((code) => tlsVersion.test(code))) {
    return connectionFailed(
      `${server} and this client share no TLS version; set tls.minVersion to "TLSv1.2" if it is an old server`,
      false,
    );
  }
  if (codes.some((code) => notTls.has(code)))
    return connectionFailed(`${server} does not speak TLS; check the port`, false);
  if (codes.some((code) => notHttp2.has(code))) {
    return connectionFailed(`${server} does not speak HTTP/2; check that it is a stenogrpc server`, false);
  }
  if (attempt.keysAgreed && codes.includes("ECONNRESET")) return hungUpOnCertificate(server, attempt);
  const [what, next] = unreachable(codes);
  return connectionFailed(`no connection to ${server}: ${what}; ${next}`, true);
}

function unreachable(codes: readonly string[]): readonly [what: string, next: string] {
  if (codes.includes("ECONNREFUSED"))
    return ["nothing listens there (ECONNREFUSED)", "check the address and that the server runs"];
  if (codes.includes("ENOTFOUND")) return ["the name is not known (ENOTFOUND)", "check the name"];
  if (codes.includes("EAI_AGAIN")) return ["the name service does not answer (EAI_AGAIN)", "try again"];
  if (codes.includes("ETIMEDOUT"))
    return ["nobody answers (ETIMEDOUT)", "check the address and the firewalls between"];
  return [
    codes[0] ?? "the connection ended during the TLS handshake",
    "check the address and that the server runs",
  ];
}

function connectionFailed(message: string, retryable: boolean): ConnectionFailure {
  return { code: "unavailable", reason: "CONNECTION_FAILED", retryable, message };
}

function connectionLost(server: string, gone: boolean): ConnectionFailure {
  const what = gone ? `the connection to ${server} was lost` : `${server} broke the call off`;
  return {
    code: "unavailable",
    reason: "CONNECTION_LOST",
    retryable: true,
    message: `${what} before the answer was whole; try again`,
  };
}

function serverUntrusted(server: string, code: string, attempt: ConnectAttempt): ConnectionFailure {
  return {
    code: "unavailable",
    reason: "TLS_SERVER_UNTRUSTED",
    retryable: false,
    message: `the certificate of ${server} is not to be trusted (${code}); ${serverAdvice(code, attempt)}`,
  };
}

function serverAdvice(code: string, { otherNames }: ConnectAttempt): string {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH") {
    const to = otherNames === undefined ? "another name" : `other names (${otherNames})`;
    return `it is made out to ${to}: connect by such a name, or set tls.serverName to it`;
  }
  if (code === "CERT_HAS_EXPIRED") return "have it renewed";
  if (code === "CERT_NOT_YET_VALID") return "check the clocks";
  return "check that tls.ca is the CA that signed it";
}

function clientCertificateRejected(server: string, attempt: ConnectAttempt): ConnectionFailure {
  return certificateRejected(`${server} refused this client's certificate`, attempt);
}

/**
 * Node's own server refuses a client's certificate by hanging up without an alert: under TLS 1.2 before the handshake ends,
 * under TLS 1.3 after the client has seen it end (RFC 8446, section 4.4). A server that goes on sends SETTINGS first.
 */
function hungUpOnCertificate(server: string, attempt: ConnectAttempt): ConnectionFailure {
  const what = `${server} hung up in the TLS handshake when it was to see this client's certificate, as a server does that refuses it`;
  return certificateRejected(what, attempt);
}

function certificateRejected(
  what: string,
  { credentialsProblem, expiresAtMs = Number.POSITIVE_INFINITY }: ConnectAttempt,
): ConnectionFailure {
  const kept =
    credentialsProblem === undefined
      ? ""
      : `; the files of tls could not be taken anew (${credentialsProblem}), so that it was the one read before`;
  const why =
    expiresAtMs < Date.now()
      ? `it expired at ${new Date(expiresAtMs).toISOString()}`
      : "it may be revoked, expired by the server's clock, or of another CA";
  return {
    code: "unauthenticated",
    reason: "CLIENT_CERTIFICATE_REJECTED",
    retryable: false,
    message: `${what}${kept}; ${why}: set tls.cert and tls.key to a valid one that its CA signed`,
  };
}

/** The `code`s of an error and of what caused it, outermost first. */
function errorCodes(error: unknown): string[] {
  const codes: string[] = [];
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
    // Where an alert is met while writing, Node says EPROTO and leaves its name to OpenSSL's text.
    const alert = /:\w+ alert ([a-z ]+):/.exec(at.message)?.[1];
    if (alert !== undefined) codes.push(`ERR_SSL_ALERT_${alert.toUpperCase().replaceAll(" ", "_")}`);
    // Node tries a name's addresses one after the other and reports all failures in one.
    if (at instanceof AggregateError) for (const inner of at.errors) codes.push(...errorCodes(inner));
  }
  return codes;
}
