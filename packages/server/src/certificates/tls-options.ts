import { strictOptions } from "@stenogrpc/options";
import * as z from "zod";

const pem = z.custom<string | Uint8Array>(
  (value) => typeof value === "string" || value instanceof Uint8Array,
  "must be PEM, as a string or bytes",
);

const refusedShape = {
  /**
   * PEM of the authorities' revocation lists (CRLs), one or several. With any, OpenSSL wants one of every authority in a client's
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
  /** PEM of the certificate authorities that sign the clients' certificates. */
  ca: pem,
  /** PEM of this server's certificate, with its chain. */
  cert: pem,
  /** PEM of this server's private key. */
  key: pem,
  ...refusedShape,
  /** Lowest TLS version. Default: TLSv1.3. */
  minVersion: z.enum(["TLSv1.3", "TLSv1.2"]).default("TLSv1.3"),
});

/** What an embedder says about certificates. */
export type TlsOptions = z.input<typeof tlsOptionsSchema>;

/** What an embedder with a server of its own says about client certificates that are refused. */
export type RefusedCertificates = z.input<typeof refusedSchema>;
