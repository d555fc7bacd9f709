import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { optionsInvalid } from "../check-options.js";

/** PEM: as bytes, as text that begins with "-----BEGIN", or as the path of a file that holds it. */
export type PemInput = string | Uint8Array;

/** What proves who is who. */
export interface TlsMaterial {
  readonly ca: PemInput;
  readonly cert: PemInput;
  readonly key: PemInput;
}

/**
 * Reads the files, and checks that the key belongs to the certificate. Nothing of what they hold is ever printed.
 *
 * @throws StenographerError `OPTIONS_INVALID`
 */
export function secureContext(material: TlsMaterial, minVersion: "TLSv1.2" | "TLSv1.3"): SecureContext {
  const ca = readPem(material.ca, "tls.ca");
  const cert = readPem(material.cert, "tls.cert");
  const key = readPem(material.key, "tls.key");
  checkParses("tls.ca", "certificates", { ca });
  checkParses("tls.cert", "certificates", { cert });
  checkParses("tls.key", "an unencrypted private key", { key });
  checkParses("tls.key", "the private key of tls.cert", { cert, key });
  return createSecureContext({ ca, cert, key, minVersion });
}

function readPem(input: PemInput, name: string): Buffer {
  if (typeof input !== "string") return pem(Buffer.from(input), name);
  if (input.startsWith("-----BEGIN")) return Buffer.from(input);
  // Text that is no path may be a key: don't show it.
  if (input.includes("\n")) throw optionsInvalid(`${name}: is text, but does not begin with "-----BEGIN"`);
  return pem(readFile(input, name), `${name}: ${input}`);
}

function readFile(path: string, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown error";
    throw optionsInvalid(`${name}: cannot read ${path} (${code})`, error);
  }
}

// createSecureContext takes a `ca` without any certificate for an empty list, and would then trust nobody without saying so.
function pem(bytes: Buffer, name: string): Buffer {
  if (bytes.includes("-----BEGIN")) return bytes;
  throw optionsInvalid(`${name}: holds no PEM ("-----BEGIN ..."); convert DER with openssl x509 -inform der`);
}

function checkParses(
  name: string,
  expected: string,
  options: Parameters<typeof createSecureContext>[0],
): void {
  try {
    createSecureContext(options);
  } catch {
    // Without the cause: OpenSSL's text helps nobody here, and the error object holds the options.
    throw optionsInvalid(`${name}: is not ${expected}`);
  }
}
