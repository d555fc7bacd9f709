import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { isPemText } from "@stenogrpc/options";
import { optionsInvalid } from "../check-options.js";
import { errnoOf } from "./file-errors.js";

/** PEM: as bytes, as text, which has "-----BEGIN " or a line break in it, or as the path of a file that holds it. */
export type PemInput = string | Uint8Array;

/** What proves who is who. */
export interface TlsMaterial {
  readonly ca: PemInput;
  readonly cert: PemInput;
  readonly key: PemInput;
}

/** The same, as the bytes of PEM. */
export interface TlsBytes {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Whether any of it is the path of a file. */
export function namesFiles({ ca, cert, key }: TlsMaterial): boolean {
  return [ca, cert, key].some((input) => typeof input === "string" && !isPemText(input));
}

/**
 * Reads the files. Nothing of what they hold is ever printed.
 *
 * @throws StenographerError `OPTIONS_INVALID`
 */
export function readTlsMaterial(material: TlsMaterial): TlsBytes {
  return {
    ca: readPem(material.ca, "tls.ca"),
    cert: readPem(material.cert, "tls.cert"),
    key: readPem(material.key, "tls.key"),
  };
}

/**
 * Checks that all of it can be used, and that the key belongs to the certificate.
 *
 * @throws StenographerError `OPTIONS_INVALID`
 */
export function secureContext({ ca, cert, key }: TlsBytes, minVersion: "TLSv1.2" | "TLSv1.3"): SecureContext {
  checkParses("tls.ca", "certificates", { ca });
  checkParses("tls.cert", "certificates", { cert });
  checkParses("tls.key", "an unencrypted private key", { key });
  checkParses("tls.key", "the private key of tls.cert", { cert, key });
  return createSecureContext({ ca, cert, key, minVersion });
}

function readPem(input: PemInput, name: string): Buffer {
  if (typeof input !== "string") return pem(Buffer.from(input), name);
  if (!isPemText(input)) return pem(readFile(input, name), `${name}: ${input}`);
  if (input.includes("-----BEGIN")) return Buffer.from(input);
  throw optionsInvalid(`${name}: is text with line breaks, so no path, but without "-----BEGIN", so no PEM`);
}

function readFile(path: string, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = errnoOf(error) ?? "unknown error";
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
