import type { ConnectError, ContextValues } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import type { StenoRequest } from "@stenogrpc/protocol";
import { printFilter } from "@stenogrpc/query";
import type { Permit, Rpc } from "../access/access.js";
import { clientIdentityKey, identityName } from "../identity.js";
import { outcomeOf } from "../outcome.js";
import type { Plan } from "../plan-retrieval.js";
import { timestampToIso } from "../timestamps.js";
import { reasonOf, toConnectError } from "../to-connect-error.js";
import { serverVersion } from "../version.js";
import type { Audit } from "./audit.js";
import type { AuditOutcome, AuditReceipt, AuditRecord } from "./audit-record.js";
import { peerAddressKey } from "./peer-address.js";

/** What was sent for a request. */
export interface Sent {
  readonly packets: number | undefined;
  readonly pcapBytes: number;
  /** SHA-256 of those bytes, in hex. */
  readonly sha256: string | undefined;
}

/** The server, as far as a record tells of it. */
export interface RecordedServer {
  readonly audit: Audit | undefined;
  readonly sensor: string;
  /** The clock, in milliseconds since the epoch. */
  readonly now: () => number;
}

/** Longer texts of a client's are cut in the log: they may not have been checked. */
const mostLoggedCharacters = 1000;

const nothingSent: Sent = { packets: 0, pcapBytes: 0, sha256: undefined };

/** What is known of one request, for the log and the audit, and how it ended: written down exactly once, by whichever end comes first. */
export class RequestRecord {
  permit: Permit | undefined;
  plan: Plan | undefined;
  readonly #server: RecordedServer;
  readonly #rpc: Rpc;
  readonly #values: ContextValues;
  readonly #request: StenoRequest | undefined;
  readonly #time: string;
  readonly #startedAt = performance.now();
  #written: Promise<AuditReceipt | undefined> | undefined;

  constructor(server: RecordedServer, rpc: Rpc, values: ContextValues, request?: StenoRequest) {
    this.#server = server;
    this.#rpc = rpc;
    this.#values = values;
    this.#request = request;
    this.#time = new Date(server.now()).toISOString();
  }

  /**
   * Writes down that it ended well.
   *
   * @throws RequestError "audit-failed"
   */
  succeeded(outcome: AuditOutcome = "served", sent: Sent = nothingSent): Promise<AuditReceipt | undefined> {
    return this.#write(outcome, sent, undefined);
  }

  /** Writes down that it did not. */
  failed(failure: ConnectError, sent: Sent = nothingSent): Promise<AuditReceipt | undefined> {
    return this.#write(outcomeOf(failure, sent.pcapBytes), sent, failure);
  }

  /** Writes a failure down, and gives what the client is to be told: it, or that it could not be written down. */
  async refusal(failure: ConnectError): Promise<ConnectError> {
    return this.failed(failure).then(
      () => failure,
      (error: unknown) => toConnectError(error),
    );
  }

  /** What the log says of it besides how it ended: the request as it came, in so far as it could not be made sense of. */
  logFields(): object {
    const { plan } = this;
    const identity = this.#values.get(clientIdentityKey);
    return {
      rpc: this.#rpc,
      uid: plan?.uid ?? clipped(this.#request?.request?.uid),
      requestReason: clipped(this.#request?.reason),
      filter: plan ? plan.filter && printFilter(plan.filter) : clipped(this.#request?.bpf),
      peer: this.#values.get(peerAddressKey),
      client: identity && identityName(identity),
      fingerprint: identity?.fingerprint256,
      role: this.permit?.roleName,
      from: plan && timestampToIso(plan.window.startNs),
      to: plan && timestampToIso(plan.window.endNs),
      dialect: plan?.dialect,
      policy: plan?.policy && printFilter(plan.policy),
      index: plan?.index && printFilter(plan.index),
      durationMs: this.#durationMs,
    };
  }

  get #durationMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  #write(outcome: AuditOutcome, sent: Sent, failure: ConnectError | undefined) {
    this.#written ??=
      this.#server.audit?.record(this.#describe(outcome, sent, failure)) ?? Promise.resolve(undefined);
    return this.#written;
  }

  #describe(outcome: AuditOutcome, sent: Sent, failure: ConnectError | undefined): AuditRecord {
    const { plan } = this;
    const identity = this.#values.get(clientIdentityKey);
    return {
      time: this.#time,
      server: serverVersion,
      sensor: this.#server.sensor,
      rpc: this.#rpc,
      uid: plan?.uid ?? this.#request?.request?.uid,
      identity: identity && {
        name: identityName(identity),
        subject: identity.subject,
        subjectAltName: identity.subjectAltName,
        fingerprint256: identity.fingerprint256,
      },
      role: this.permit?.roleName,
      peer: this.#values.get(peerAddressKey),
      reason: this.#request?.reason || undefined,
      filter: plan ? (plan.filter ? printFilter(plan.filter) : "") : this.#request?.bpf,
      dialect: plan?.dialect,
      policy: plan?.policy && printFilter(plan.policy),
      window: plan && {
        from: timestampToIso(plan.window.startNs),
        to: timestampToIso(plan.window.endNs),
      },
      limits: plan && {
        maxBytes: plan.maxBytes?.value,
        maxPackets: plan.maxPackets?.value,
        payloadBytes: plan.payloadBytes,
      },
      outcome,
      code: failure && Code[failure.code].replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase(),
      error: failure && reasonOf(failure),
      ...sent,
      durationMs: this.#durationMs,
    };
  }
}

function clipped(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  return text.length > mostLoggedCharacters ? `${text.slice(0, mostLoggedCharacters)}…` : text;
}
