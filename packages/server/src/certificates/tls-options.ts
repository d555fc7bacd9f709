import { sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";

const pem = z.custom<string | Uint8Array>(
  (value) => typeof value === "string" || value instanceof Uint8Array,
  "must be PEM, as a string or bytes",
);

/** Client certificates that are refused although their authority has signed them: what a server of your own says of them. */
export interface RefusedCertificates {
  /**
   * PEM of the authorities' revocation lists (CRLs), one or several. With any, OpenSSL wants one of every authority in a client's
   * chain that is still in date, and refuses everybody else. Default: none.
   */
  crl?: string | Uint8Array | (string | Uint8Array)[] | undefined;
  /** SHA-256 fingerprints of client certificates that are refused, in hex with or without colons. Default: none. */
  denylist?: string[] | undefined;
}

/** Certificates of a server: without them nothing is served. */
export interface TlsOptions extends RefusedCertificates {
  /** PEM of the certificate authorities that sign the clients' certificates. */
  ca: string | Uint8Array;
  /** PEM of this server's certificate, with its chain. */
  cert: string | Uint8Array;
  /** PEM of this server's private key. */
  key: string | Uint8Array;
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
