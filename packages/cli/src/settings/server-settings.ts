import { nearest, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import { roleSettings, ruleSettings } from "./access-settings.js";
import { durationMs, flag, oneOf, size, text, whole } from "./values.js";

const fileName = text("a file name with * and ?").refine((name) => !name.includes("/"), {
  error: "must be a file name with * and ?, without a folder",
});

const noFileNames = { error: "must be a file name or a list of them" };

const sourceKinds = ["stenoread", "stenographer", "stenographer-files", "directory"] as const;

/** What is wrong with a source that is of no kind. */
function wrongKind(source: unknown): string {
  const { kind } = Object(source) as { readonly kind?: unknown }; // whatever it is can be looked at by name
  if (typeof kind !== "string") return `must be a mapping with kind: ${sourceKinds.join(", ")}`;
  const meant = nearest(kind, sourceKinds);
  return `must be one of ${sourceKinds.join(", ")}${meant ? `; did you mean "${meant}"?` : ""}`;
}

/** What the file of `stenogrpc serve` can say. The first six keys are the original's. */
export const serverSettings = strictOptions({
  /** Certificate authority that signs the clients' certificates. */
  root_certificate: text("the path of the certificate authority's certificate (PEM)"),
  /** This server's private key. */
  private_key: text("the path of this server's private key (PEM)"),
  /** This server's certificate, with its chain. */
  certificate_chain: text("the path of this server's certificate (PEM)"),
  /** Port to listen on; 0 takes a free one. */
  port: whole(0, 65_535).default(8443),
  /** Retrievals at once. */
  workers: whole(1).default(10),
  /** The original's loop slept that long between looks at the keyboard. Accepted, unused. */
  sleep: z.number({ error: "must be a number" }).optional(),
  /** Address to listen on. Default: every address. */
  host: text("an address to listen on").optional(),
  /** Name of the sensor, told to clients. Default: the host's name. */
  sensor: text("a name").optional(),
  /** Where packets come from. */
  source: z
    .discriminatedUnion(
      "kind",
      [
        strictOptions({
          kind: z.literal("stenoread"),
          /** The script, by name or path. */
          command: text("the name or path of stenoread").optional(),
          /** Stenographer's configuration, for a stenographer other than the machine's own. */
          config: text("the path of Stenographer's configuration").optional(),
        }),
        strictOptions({
          kind: z.literal("stenographer"),
          /** Stenographer's configuration, for what the other keys leave open. */
          config: text("the path of Stenographer's configuration").optional(),
          /** Stenographer's address. */
          host: text("Stenographer's address").optional(),
          /** Stenographer's port. */
          port: whole(1, 65_535).optional(),
          root_certificate: text("the path of Stenographer's ca_cert.pem").optional(),
          certificate_chain: text("the path of Stenographer's client_cert.pem").optional(),
          private_key: text("the path of Stenographer's client_key.pem").optional(),
          /** Name that its certificate must bear, where that is not the host. */
          expected_name: text("the name in Stenographer's certificate").optional(),
          /** SHA-256 fingerprint that its certificate must have. */
          fingerprint256: text("the SHA-256 fingerprint of Stenographer's certificate, in hex").optional(),
          /** Count each answer against the daemon's index. */
          verify: oneOf(["none", "positions"]).optional(),
        }),
        strictOptions({
          kind: z.literal("stenographer-files"),
          /** Stenographer's configuration, which names the folders of its files. */
          config: text("the path of Stenographer's configuration").optional(),
          /** The folders themselves, one pair a capture thread. */
          threads: z
            .array(
              strictOptions({
                packets: text("the path of a folder of packet files"),
                index: text("the path of a folder of index files"),
              }),
            )
            .min(1)
            .optional(),
          /** stenotype's --fileage_sec and --blockage_sec, where the configuration does not say them. */
          file_age_seconds: whole(1, 86_400).optional(),
          block_age_seconds: whole(1, 86_400).optional(),
          /** Also read files that are being written, as far as their finished blocks go. */
          read_unfinished: flag.optional(),
        }),
        strictOptions({
          kind: z.literal("directory"),
          /** The folder with the captures. */
          path: text("the path of a folder of pcap or pcapng files"),
          /** Which of its files, by name: one pattern with * and ?, or several. */
          pattern: z.union([fileName, z.array(fileName).min(1, noFileNames)], noFileNames).optional(),
          /** Go by the time of a file's first packet and of its change, instead of reading it once. */
          trust_file_times: flag.optional(),
          /** A file to remember in what was learned of the captures. */
          remember: text("the path of a file to remember the captures in").optional(),
          /** The most files that one retrieval has open. */
          max_open_files: whole(1, 65_536).optional(),
        }).refine(({ trust_file_times, remember }) => !(trust_file_times && remember), {
          path: ["remember"],
          error: "must not stand beside trust_file_times, which leaves nothing to remember",
        }),
      ],
      { error: ({ input }) => wrongKind(input) },
    )
    .default({ kind: "stenoread" }),
  /** Limits on one retrieval. */
  limits: strictOptions({
    max_bytes: size.optional(),
    max_packets: whole(1).optional(),
    max_window: durationMs.optional(),
    timeout: durationMs.optional(),
    /** Retrievals that may wait for a place, and how long. */
    queue: strictOptions({ length: whole(0).optional(), timeout: durationMs.optional() }).optional(),
    /** The longest a client may take neither a message nor 64 KiB of one, a handshake may last, and a request may take to arrive. */
    idle_timeout: durationMs.optional(),
    handshake_timeout: durationMs.optional(),
    request_body_timeout: durationMs.optional(),
    /** Connections at once, in all and from one address. */
    connections: whole(1).optional(),
    connections_per_address: whole(1).optional(),
    /** Whether a filter that no index can narrow may read every packet in the window. */
    allow_time_only_queries: flag.optional(),
  }).default({}),
  /** Who has which role: the first line about an identity decides, and everyone else is refused. */
  access: z.array(ruleSettings, { error: "must be a list of rules" }).optional(),
  /** What each role may do. */
  roles: z
    .record(z.string().min(1), roleSettings, { error: "must be a mapping of names to roles" })
    .optional(),
  /** The authorities' lists of revoked certificates. */
  crl: z
    .preprocess(
      (value) => (typeof value === "string" ? [value] : value),
      z.array(text("the path of a revocation list (PEM)")),
    )
    .optional(),
  /** Client certificates that are refused: a file of SHA-256 fingerprints, one a line. */
  denylist: text("the path of a file of fingerprints").optional(),
  /** Where each request is written down before it is answered. */
  audit: strictOptions({
    file: text("the path of the audit log"),
    /** Bytes from which on a file is full, and the next one begins. */
    max_bytes: size.optional(),
    /** How many full files are kept. */
    keep: whole(1).optional(),
    /** What becomes of a request that can't be written down. */
    on_failure: oneOf(["refuse", "continue"]).optional(),
  }).optional(),
  /** Where metrics and health are told, in plain HTTP, to whoever connects. Default: nowhere. */
  metrics: strictOptions({
    host: text("an address to listen on").default("127.0.0.1"),
    port: whole(0, 65_535).default(9464),
  }).optional(),
  /** Lowest TLS version. */
  tls_min_version: z
    .preprocess(
      // 1.2 without quotes is a number in YAML; "TLSv1.2" is Node's name.
      (value) => (value === undefined ? "1.3" : String(value).replace(/^TLSv/i, "")),
      oneOf(["1.2", "1.3"]),
    )
    .transform((version) => `TLSv${version}` as const),
  /** Least severity that is logged. */
  log_level: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

/** What the file of `stenogrpc serve` said. */
export type ServerSettings = z.output<typeof serverSettings>;
