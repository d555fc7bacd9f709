import type { StenographerErrorCategory } from "./error-category.js";

/** What is known of a failure by its reason alone. */
interface ReasonFacts {
  readonly category: StenographerErrorCategory;
  /** The very same call may succeed later, whatever the code says. */
  readonly retryable?: true;
  /** What to do next. The server says what happened. */
  readonly nextStep?: string;
}

/** Every reason that a stenogrpc server or this client gives. */
const reasons = {
  OPTIONS_INVALID: { category: "request" },
  TIME_INVALID: { category: "request" },
  WINDOW_INVALID: { category: "request", nextStep: "correct from and to" },
  LIMIT_INVALID: { category: "request", nextStep: "correct maxBytes, maxPackets or chunkBytes" },
  UID_INVALID: { category: "request" },
  FILTER_SYNTAX: { category: "request", nextStep: "correct the filter" },
  OPTION_UNSUPPORTED: {
    category: "request",
    nextStep: "leave that option out, or ask a sensor whose source has it",
  },
  OPTION_INVALID: { category: "request", nextStep: "leave that option out, or update the server" },
  FILTER_LINK_TYPE: {
    category: "request",
    nextStep: "leave that test out of the filter, or narrow the window to captures that have it",
  },
  FILTER_TOO_COSTLY: { category: "request", nextStep: "take out of the filter what is not needed" },
  INDEX_CANT_HELP: {
    category: "request",
    nextStep: 'add a protocol with a host, net or port to the filter, such as "ip host 10.0.0.1"',
  },
  COVERAGE_INCOMPLETE: { category: "sensor" },
  FETCH_ALREADY_USED: { category: "request" },
  CANCELED: { category: "canceled" },
  TIMEOUT: { category: "capacity", nextStep: "narrow the window or the filter" },
  CONNECTION_FAILED: { category: "network" },
  READER_IDLE: { category: "local" },
  CONNECTION_LOST: { category: "network" },
  TLS_SERVER_UNTRUSTED: { category: "access" },
  CLIENT_CERTIFICATE_REJECTED: { category: "access" },
  CLIENT_CERTIFICATE_REQUIRED: {
    category: "access",
    nextStep: "set tls.cert and tls.key to a certificate that the server's CA signed",
  },
  CERTIFICATE_REVOKED: { category: "access" },
  CERTIFICATE_EXPIRED: { category: "access" },
  CERTIFICATE_UNTRUSTED: { category: "access" },
  NO_FREE_SLOT: {
    category: "capacity",
    retryable: true,
    nextStep: "try again later, or run fewer retrievals at once",
  },
  IDENTITY_LIMIT: { category: "capacity", nextStep: "wait for your other retrievals, or run fewer at once" },
  BUDGET_EXHAUSTED: {
    category: "capacity",
    nextStep: "try again later, or ask whoever runs the sensor for a larger budget",
  },
  IDENTITY_UNMAPPED: {
    category: "access",
    nextStep: "send that to whoever runs the sensor, and ask for a role",
  },
  SENSOR_NOT_ALLOWED: { category: "access", nextStep: "ask a sensor that your role is for" },
  RPC_NOT_ALLOWED: { category: "access", nextStep: "ask whoever runs the sensor to open it for your role" },
  WINDOW_NOT_ALLOWED: { category: "access" },
  NOT_AUTHORIZED: { category: "access" },
  AUTHORIZATION_FAILED: { category: "access" },
  REASON_REQUIRED: { category: "request", nextStep: "set reason" },
  REASON_INVALID: { category: "request" },
  SERVER_DRAINING: { category: "sensor", retryable: true, nextStep: "try again when the server is back" },
  SOURCE_UNAVAILABLE: {
    category: "sensor",
    retryable: true,
    nextStep: "try again; if it stays, look at the packet source on the sensor",
  },
  SOURCE_CHANGED: { category: "sensor", retryable: true, nextStep: "try again" },
  SOURCE_FAILED: { category: "sensor", nextStep: "look for the uid in the server's log" },
  INTERNAL: { category: "sensor", nextStep: "look for the uid in the server's log" },
  AUDIT_FAILED: { category: "sensor" },
  SOURCE_CORRUPT: { category: "sensor", nextStep: "look for the uid in the server's log" },
  MIXED_LINK_TYPES: {
    category: "request",
    nextStep: "narrow the window or the filter to captures of one link type",
  },
  LINK_TYPE_UNSUPPORTED: { category: "request", nextStep: "ask without a filter, and filter what comes" },
  SUMMARY_MISSING: { category: "integrity" },
  MALFORMED_ANSWER: { category: "integrity" },
  DIALECT_MISMATCH: { category: "integrity" },
  COUNT_MISMATCH: { category: "integrity" },
  DIGEST_MISMATCH: { category: "integrity" },
  UNKNOWN_FAILURE: { category: "sensor" },
  FILE_FAILED: { category: "local" },
} as const satisfies Record<string, ReasonFacts>;

type KnownReason = keyof typeof reasons;

/** All that a `StenographerError` gives as its reason where a stenogrpc server or this client knows it. */
export const stenographerReasons = Object.keys(reasons) as readonly KnownReason[];

/** One of them, whose meaning is in the package's README; or, where a foreign server gives none, its gRPC code in upper case. */
export type StenographerReason = KnownReason | (string & {});

/** What is known of a reason; undefined: it is a foreign server's. */
export function factsOf(reason: StenographerReason): ReasonFacts | undefined {
  return Object.hasOwn(reasons, reason) ? reasons[reason as KnownReason] : undefined; // it is one of them
}
