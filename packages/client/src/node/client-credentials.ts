import { X509Certificate } from "node:crypto";
import type { SecureContext } from "node:tls";
import { StenographerError } from "../stenographer-error.js";
import {
  namesFiles,
  readTlsMaterial,
  secureContext,
  type TlsBytes,
  type TlsMaterial,
} from "./tls-material.js";

/** What a client proves itself with, as it was read once. */
export interface Credentials {
  readonly context: SecureContext;
  /** When the certificate ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

interface ReadCredentials extends Credentials {
  readonly bytes: TlsBytes;
}

/**
 * The certificates and the key of a client, read anew where they are files: a client that lives longer than its certificate goes on
 * with the renewed one. What was given as PEM stays.
 */
export class ClientCredentials {
  readonly #material: TlsMaterial;
  readonly #minVersion: "TLSv1.2" | "TLSv1.3";
  #read: ReadCredentials;
  #problem: string | undefined;

  /** @throws StenographerError `OPTIONS_INVALID`, for what can't be read or does not fit */
  constructor(material: TlsMaterial, minVersion: "TLSv1.2" | "TLSv1.3") {
    this.#material = material;
    this.#minVersion = minVersion;
    this.#read = read(readTlsMaterial(material), minVersion);
  }

  /** Why the files could not be taken the last time they were looked at, so that what had been read before is still in use. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * What a new connection proves itself with. Files in the middle of being replaced (missing, cut, a key of another certificate)
   * leave the ones before in use until the next time.
   */
  latest(): Credentials {
    if (!namesFiles(this.#material)) return this.#read;
    try {
      const bytes = readTlsMaterial(this.#material);
      if (!isSame(bytes, this.#read.bytes)) this.#read = read(bytes, this.#minVersion);
      this.#problem = undefined;
    } catch (error) {
      if (!(error instanceof StenographerError)) throw error;
      this.#problem = error.message;
    }
    return this.#read;
  }
}

function read(bytes: TlsBytes, minVersion: "TLSv1.2" | "TLSv1.3"): ReadCredentials {
  const context = secureContext(bytes, minVersion);
  return { context, expiresAtMs: Date.parse(new X509Certificate(bytes.cert).validTo), bytes };
}

function isSame(one: TlsBytes, other: TlsBytes): boolean {
  return one.ca.equals(other.ca) && one.cert.equals(other.cert) && one.key.equals(other.key);
}
