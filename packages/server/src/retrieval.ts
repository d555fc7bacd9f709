import type { X509Certificate } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { StenoRequest } from "@stenogrpc/protocol";
import { printFilter } from "@stenogrpc/query";
import type { Permit } from "./access/access.js";
import type { Spending } from "./budgets.js";
import { clientCertificateKey, clientIdentityKey, identityKey, identityName } from "./identity.js";
import type { Plan } from "./plan-retrieval.js";
import { RequestError } from "./request-error.js";
import type { SensorService } from "./sensor-service.js";
import { SourceError } from "./sources/packet-source.js";
import type { SourceOutcome } from "./sources/source-outcome.js";
import { timestampToIso } from "./timestamps.js";
import { reasonOf, toConnectError } from "./to-connect-error.js";

/**
 * One retrieval's life: its signal, its place, its log line.
 *
 * It ends exactly once, by whichever comes first: the handler's own end, or the signal. The signal matters since a
 * handler that waits for a reader who is gone is never resumed, so its `finally` may not run.
 */
export class Retrieval {
  readonly #service: SensorService;
  readonly #context: HandlerContext;
  readonly #work = new AbortController();
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #onClientGone: () => void;
  #permit: Permit | undefined;
  #plan: Plan | undefined;
  #release: () => void = () => {};
  #pcapBytes = 0;
  #packets = 0;
  #ended = false;

  constructor(service: SensorService, context: HandlerContext) {
    this.#service = service;
    this.#context = context;
    this.#timer = setTimeout(() => this.#timedOut(), service.limits.timeoutMs);
    this.#onClientGone = () => this.#fail(ConnectError.from(context.signal.reason, Code.Canceled));
    context.signal.addEventListener("abort", this.#onClientGone, { once: true });
    service.retrievals.add(this);
    if (context.signal.aborted) this.#onClientGone(); // an event that is over does not come again
  }

  /** Aborts when nobody waits for the answer any more. Everything the retrieval started hangs on it. */
  get signal(): AbortSignal {
    return this.#work.signal;
  }

  /** Of whoever asked. */
  get certificate(): X509Certificate | undefined {
    return this.#context.values.get(clientCertificateKey);
  }

  /** Bytes of pcap handed to the transport so far. */
  get pcapBytes(): number {
    return this.#pcapBytes;
  }

  /**
   * Decides whether it is allowed at all, and within which limits.
   *
   * @throws RequestError
   */
  async permit(request: StenoRequest): Promise<Permit> {
    const { values } = this.#context;
    this.#permit = await this.#service.permit("FetchPcap", { values, signal: this.signal }, request);
    return this.#permit;
  }

  /**
   * Waits for a place, takes it, and begins.
   *
   * @returns the account that its packets are charged to; undefined: the role has no budget
   * @throws RequestError "no-free-slot", "identity-limit", "budget-exhausted" or "draining"
   */
  async start(plan: Plan, { identity, role }: Permit): Promise<Spending | undefined> {
    this.#plan = plan;
    const key = identityKey(identity);
    const release = await this.#service.admission.enter({
      identity: key,
      limit: role.concurrency,
      signal: this.signal,
    });
    // It may have ended between the moment that it got its place and this one.
    if (this.#ended) release();
    this.signal.throwIfAborted();
    this.#release = release;
    return this.#service.budgets.open(key, {
      maxBytes: role.maxBytesPerHour,
      maxPackets: role.maxPacketsPerHour,
    });
  }

  /** Counts bytes handed to the transport. */
  sent(bytes: number): void {
    this.#pcapBytes += bytes;
  }

  /** Ends it well. */
  finish(packets: number, stoppedBy: string, { coverage, completeness, damage }: SourceOutcome): void {
    this.#packets = packets;
    this.#end("served", undefined, {
      packets,
      stoppedBy,
      ...(coverage && coverage.gaps.length > 0 ? { gaps: coverage.gaps.length } : {}),
      ...(completeness && { completeness }),
      ...(damage && damage.length > 0 ? { damage: damage.slice(0, 10), damages: damage.length } : {}),
    });
  }

  /** Ends it badly, and gives what the client is to be told. */
  fail(error: unknown): ConnectError {
    // After an abort the source fails as it may; why we aborted is the better reason.
    const cause: unknown = this.signal.aborted ? this.signal.reason : error;
    return this.#fail(toConnectError(cause));
  }

  /** Ends it when nothing else did: the reader left in the middle. */
  leave(): void {
    this.#end("canceled");
  }

  /** Ends it from outside, at once: a handler that waits for a slow reader may not be resumed for long. */
  abandon(reason: RequestError): void {
    this.#fail(toConnectError(reason));
  }

  #timedOut(): void {
    const seconds = this.#service.limits.timeoutMs / 1000;
    this.abandon(
      new RequestError(
        "timeout",
        `the retrieval took longer than the ${seconds} s this server allows; ask for less`,
      ),
    );
  }

  #fail(failure: ConnectError): ConnectError {
    this.#end(failure.code === Code.Canceled ? "canceled" : "failed", failure);
    return failure;
  }

  #end(outcome: "served" | "canceled" | "failed", failure?: ConnectError, result: object = {}): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#context.signal.removeEventListener("abort", this.#onClientGone);
    this.#work.abort(failure ?? new RequestError("draining", "the retrieval has ended"));
    this.#release();
    this.#service.ended(this);
    const refused = outcome === "failed" && !isOurs(failure);
    this.#service.counters.count(refused ? "refused" : outcome, this.#pcapBytes, this.#packets);
    this.#log(outcome, failure, result);
  }

  #log(outcome: string, failure: ConnectError | undefined, result: object): void {
    const plan = this.#plan;
    const identity = this.#context.values.get(clientIdentityKey);
    const fields = {
      rpc: "FetchPcap",
      outcome,
      uid: plan?.uid,
      client: identity && identityName(identity),
      fingerprint: identity?.fingerprint256,
      role: this.#permit?.roleName,
      requestReason: plan?.reason || undefined,
      from: plan && timestampToIso(plan.window.startNs),
      to: plan && timestampToIso(plan.window.endNs),
      filter: plan?.filter && printFilter(plan.filter),
      dialect: plan?.dialect,
      policy: plan?.policy && printFilter(plan.policy),
      index: plan?.index && printFilter(plan.index),
      pcapBytes: this.#pcapBytes,
      durationMs: Math.round(performance.now() - this.#startedAt),
      ...result,
      ...(failure && failureFields(failure)),
    };
    if (outcome !== "failed") this.#service.logger.info(fields, `retrieval ${outcome}`);
    else if (isOurs(failure)) this.#service.logger.error(fields, "retrieval failed");
    else this.#service.logger.warn(fields, "retrieval refused");
  }
}

/** The whole story for the log, including what the client is not told. */
function failureFields(failure: ConnectError): object {
  const cause = failure.cause;
  return {
    code: Code[failure.code],
    reason: reasonOf(failure),
    error: failure.rawMessage,
    ...(cause instanceof SourceError ? { details: cause.details } : {}),
    ...(cause === undefined ? {} : { err: cause }),
  };
}

/** Whether the failure is the sensor's rather than the request's or the client's. */
function isOurs(failure: ConnectError | undefined): boolean {
  switch (failure?.code) {
    case Code.InvalidArgument:
    case Code.ResourceExhausted:
    case Code.FailedPrecondition:
    case Code.Unauthenticated:
    case Code.PermissionDenied:
    case Code.DeadlineExceeded:
      return false;
    default:
      return true;
  }
}
