import { sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import type { PemInput } from "./read-pem.js";

const pem = z.custom<PemInput>(
  (value) => (typeof value === "string" && value !== "") || value instanceof Uint8Array,
  "must be PEM, as text or bytes, or the path of a PEM file",
);

/** Client certificates that are refused although their authority has signed them: what a server of your own says of them. */
export interface RefusedCertificates {
  /**
   * The authorities' revocation lists (CRLs), one or several: paths, PEM text, or PEM bytes. With any, OpenSSL wants one of every authority in a client's
   * chain that is still in date, and refuses everybody else. Default: none.
   */
  crl?: PemInput | PemInput[] | undefined;
  /** SHA-256 fingerprints of client certificates that are refused, in hex with or without colons. Default: none. */
  denylist?: string[] | undefined;
}

/** Certificates of a server: without them nothing is served. */
export interface TlsOptions extends RefusedCertificates {
  /** The certificate authorities that sign the clients' certificates: a path, PEM text, or PEM bytes. */
  ca: PemInput;
  /** This server's certificate, with its chain: a path, PEM text, or PEM bytes. */
  cert: PemInput;
  /** Its private key, unencrypted: a path, PEM text, or PEM bytes. */
  key: PemInput;
  /** Lowest TLS version. Default: TLSv1.3. */
  minVersion?: "TLSv1.3" | "TLSv1.2" | undefined;
}

const refusedShape = {
  crl: z.union([pem, z.array(pem)]).optional(),
  denylist: z
    .array(
      z.string().regex(/^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i, "must be a SHA-256 fingerprint: 32 bytes in hex"),
    )
    .optional(),
};

export const refusedSchema = strictOptions(refusedShape);
sameType<RefusedCertificates, z.input<typeof refusedSchema>>(true);

export const tlsOptionsSchema = strictOptions({
  ca: pem,
  cert: pem,
  key: pem,
  ...refusedShape,
  minVersion: z.enum(["TLSv1.3", "TLSv1.2"]).default("TLSv1.3"),
});
sameType<TlsOptions, z.input<typeof tlsOptionsSchema>>(true);
