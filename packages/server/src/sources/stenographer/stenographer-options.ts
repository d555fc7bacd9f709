import { strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import { defaultStenographerConfig } from "../stenographer-config.js";

/** Options of stenographerSource. Without any, everything comes from /etc/stenographer/config. */
export const stenographerOptionsSchema = strictOptions({
  /** Path of Stenographer's configuration, for what the other options leave open. Default: /etc/stenographer/config. */
  config: z.string().min(1).default(defaultStenographerConfig),
  /** Address of the daemon. Default: Host of its configuration. */
  host: z.string().min(1).optional(),
  /** Port of the daemon. Default: Port of its configuration. */
  port: z.int().min(1).max(65_535).optional(),
  /** Path of the CA certificate that the daemon's certificate must chain to. Default: ca_cert.pem of its CertPath. */
  ca: z.string().min(1).optional(),
  /** Path of the client certificate. Default: client_cert.pem of its CertPath. */
  cert: z.string().min(1).optional(),
  /** Path of the client's private key. Default: client_key.pem of its CertPath. */
  key: z.string().min(1).optional(),
  /** Name the daemon's certificate must carry, as SAN or, as stenokeys makes them, as CN. Default: the host. */
  expectedName: z.string().min(1).optional(),
  /** SHA-256 fingerprint the daemon's certificate must have, in hex with or without colons. Default: any. */
  fingerprint256: z
    .string()
    .regex(/^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i, "must be 32 bytes in hex")
    .optional(),
  /**
   * How an answer is proved to be whole. "positions": the packets are counted against the daemon's index, file by file, which costs
   * it a second look-up; an answer that falls short fails. Queries by time alone stay unproved. Default "none".
   */
  verify: z.enum(["none", "positions"]).default("none"),
  /** The longest a query may take, in milliseconds. Default: 890 000, below the 15 minutes after which the daemon cuts its answer in silence. */
  timeoutMs: z.int().positive().max(890_000).default(890_000),
});

export type StenographerOptions = z.input<typeof stenographerOptionsSchema>;

/** The options with their defaults. */
export type StenographerSettings = z.output<typeof stenographerOptionsSchema>;
