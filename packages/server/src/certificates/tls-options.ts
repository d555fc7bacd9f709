import { strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import type { PemInput } from "./read-pem.js";

const pem = z.custom<PemInput>(
  (value) => (typeof value === "string" && value !== "") || value instanceof Uint8Array,
  "must be PEM, as text or bytes, or the path of a PEM file",
);

const refusedShape = {
  /**
   * The authorities' revocation lists (CRLs), one or several: paths, PEM text, or PEM bytes. With any, OpenSSL wants one of every authority in a client's
   * chain that is still in date, and refuses everybody else. Default: none.
   */
  crl: z.union([pem, z.array(pem)]).optional(),
  /** SHA-256 fingerprints of client certificates that are refused, in hex with or without colons. Default: none. */
  denylist: z
    .array(
      z.string().regex(/^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i, "must be a SHA-256 fingerprint: 32 bytes in hex"),
    )
    .optional(),
};

/** Client certificates that are refused although their authority has signed them. */
export const refusedSchema = strictOptions(refusedShape);

/** Certificates of a server: without them nothing is served. */
export const tlsOptionsSchema = strictOptions({
  /** The certificate authorities that sign the clients' certificates: a path, PEM text, or PEM bytes. */
  ca: pem,
  /** This server's certificate, with its chain: a path, PEM text, or PEM bytes. */
  cert: pem,
  /** Its private key, unencrypted: a path, PEM text, or PEM bytes. */
  key: pem,
  ...refusedShape,
  /** Lowest TLS version. Default: TLSv1.3. */
  minVersion: z.enum(["TLSv1.3", "TLSv1.2"]).default("TLSv1.3"),
});

/** What an embedder says about certificates. */
export type TlsOptions = z.input<typeof tlsOptionsSchema>;

/** What an embedder with a server of its own says about client certificates that are refused. */
export type RefusedCertificates = z.input<typeof refusedSchema>;
