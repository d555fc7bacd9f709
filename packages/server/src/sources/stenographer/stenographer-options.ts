import { sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import { defaultStenographerConfig } from "../stenographer-config.js";

/** Options of stenographerSource. Without any, everything comes from /etc/stenographer/config. */
export interface StenographerOptions {
  /** Path of Stenographer's configuration, for what the other options leave open. Default: /etc/stenographer/config. */
  config?: string | undefined;
  /** Address of the daemon. Default: Host of its configuration. */
  host?: string | undefined;
  /** Port of the daemon. Default: Port of its configuration. */
  port?: number | undefined;
  /** Path of the CA certificate that the daemon's certificate must chain to. Default: ca_cert.pem of its CertPath. */
  ca?: string | undefined;
  /** Path of the client certificate. Default: client_cert.pem of its CertPath. */
  cert?: string | undefined;
  /** Path of the client's private key. Default: client_key.pem of its CertPath. */
  key?: string | undefined;
  /** Name the daemon's certificate must carry, as SAN or, as stenokeys makes them, as CN. Default: the host. */
  expectedName?: string | undefined;
  /** SHA-256 fingerprint the daemon's certificate must have, in hex with or without colons. Default: any. */
  fingerprint256?: string | undefined;
  /**
   * How an answer is proved to be whole. "positions": the packets are counted against the daemon's index, file by file, which costs
   * it a second look-up; an answer that falls short fails. Queries by time alone stay unproved. Default: "none".
   */
  verify?: "none" | "positions" | undefined;
  /** The longest a query may take, in milliseconds. Default: 890 000, below the 15 minutes after which the daemon cuts its answer in silence. */
  timeoutMs?: number | undefined;
}

/** The same as a schema. */
export const stenographerOptionsSchema = strictOptions({
  config: z.string().min(1).default(defaultStenographerConfig),
  host: z.string().min(1).optional(),
  port: z.int().min(1).max(65_535).optional(),
  ca: z.string().min(1).optional(),
  cert: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  expectedName: z.string().min(1).optional(),
  fingerprint256: z
    .string()
    .regex(/^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i, "must be 32 bytes in hex")
    .optional(),
  verify: z.enum(["none", "positions"]).default("none"),
  timeoutMs: z.int().positive().max(890_000).default(890_000),
});
sameType<StenographerOptions, z.input<typeof stenographerOptionsSchema>>(true);

/** The options with their defaults. */
export type StenographerSettings = z.output<typeof stenographerOptionsSchema>;
