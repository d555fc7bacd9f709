/**
 * How a request ended, as the audit has it. The first four had their whole answer: `served` is complete. `refused`: for the request's or
 * the client's sake, or since the server shut down, and nothing was sent. `failed`: for the sensor's sake, or when some was sent.
 * `canceled`: whoever asked left.
 */
export type AuditOutcome =
  | "served"
  | "truncated"
  | "no-packets"
  | "incomplete"
  | "refused"
  | "failed"
  | "canceled";

/** Who asked, from the client's verified certificate. */
export interface AuditIdentity {
  /** What the server calls it by. */
  readonly name: string;
  /** The certificate's subject, one attribute a line. */
  readonly subject: string;
  /** Its subject alternative names, as Node prints them. */
  readonly subjectAltName: string | undefined;
  /** Its SHA-256 fingerprint. */
  readonly fingerprint256: string;
}

/** One request, as it is written down. What is undefined was not known, or had no meaning for it. */
export interface AuditRecord {
  /** When the request came: RFC 3339, UTC. */
  readonly time: string;
  /** Software and version of the server. */
  readonly server: string;
  /** Name of the sensor. */
  readonly sensor: string;
  readonly rpc: "FetchPcap" | "ExplainQuery" | "DescribeSensor";
  readonly uid: string | undefined;
  /** Undefined: no verified certificate. */
  readonly identity: AuditIdentity | undefined;
  readonly role: string | undefined;
  /** Address that the request came from. */
  readonly peer: string | undefined;
  /** Why the packets were wanted, in the client's words. */
  readonly reason: string | undefined;
  /** The filter, printed from its parsed form; as it came, without `window`, where it was refused before. Empty: every packet. */
  readonly filter: string | undefined;
  readonly dialect: string | undefined;
  /** What every packet had to match besides, by the role. */
  readonly policy: string | undefined;
  /** The window, half-open: RFC 3339. */
  readonly window: { readonly from: string; readonly to: string } | undefined;
  /** The limits in force for this request. */
  readonly limits:
    | {
        readonly maxBytes: number | undefined;
        readonly maxPackets: number | undefined;
        /** Bytes kept of each packet behind its transport header. */
        readonly payloadBytes: number | undefined;
      }
    | undefined;
  readonly outcome: AuditOutcome;
  /** The RPC's code in lower case, such as "permission_denied", where it failed. */
  readonly code: string | undefined;
  /** The reason that the client was told, such as "FILTER_SYNTAX", where it failed. */
  readonly error: string | undefined;
  /** Packets sent; undefined where it ended in the middle. */
  readonly packets: number | undefined;
  /** Bytes of pcap sent. */
  readonly pcapBytes: number;
  /** SHA-256 of those bytes, in hex. */
  readonly sha256: string | undefined;
  /** Milliseconds from the request to this record. */
  readonly durationMs: number;
}

/** Where a record went: what a log line or a ticket can hold on to. */
export interface AuditReceipt {
  /** Number of the line, from 1 and never again. */
  readonly seq: number;
  /** The line's hash. */
  readonly hash: string;
}

/** Takes the records in place of a file: a database, a queue. */
export interface AuditSink {
  /** Resolves when the record is safe; a rejection fails the request. */
  write(record: AuditRecord): Promise<void>;
}
