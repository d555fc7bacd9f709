import { createHash, type X509Certificate } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { StenoRequest } from "@stenogrpc/protocol";
import type { Permit } from "./access/access.js";
import type { AuditOutcome, AuditReceipt } from "./audit/audit-record.js";
import { RequestRecord, type Sent } from "./audit/request-record.js";
import type { Spending } from "./budgets.js";
import { failureFields } from "./failure-fields.js";
import { clientCertificateKey, identityKey } from "./identity.js";
import { logLevelOf, outcomeOf } from "./outcome.js";
import type { Plan } from "./plan-retrieval.js";
import { RequestError } from "./request-error.js";
import type { SensorService } from "./sensor-service.js";
import type { SourceOutcome } from "./sources/source-outcome.js";
import { reasonOf, toConnectError } from "./to-connect-error.js";

/** How an answer ended that was given in whole. */
export interface Answered {
  readonly packets: number;
  readonly stoppedBy: string;
  readonly wholeness: SourceOutcome;
}

/**
 * One retrieval's life: its signal, its place, its line in the audit and in the log.
 *
 * It ends exactly once, by whichever comes first: the handler's own end, or the signal. The signal matters since a
 * handler that waits for a reader who is gone is never resumed, so its `finally` may not run.
 */
export class Retrieval {
  readonly #service: SensorService;
  readonly #context: HandlerContext;
  readonly #work = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #onClientGone: () => void;
  readonly #hash = createHash("sha256");
  readonly #request: StenoRequest;
  readonly #record: RequestRecord;
  #release: () => void = () => {};
  #pcapBytes = 0;
  #packets = 0;
  #ended = false;

  constructor(service: SensorService, context: HandlerContext, request: StenoRequest) {
    this.#service = service;
    this.#context = context;
    this.#request = request;
    this.#record = new RequestRecord(service, "FetchPcap", context.values, request);
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

  /** SHA-256 of those bytes. */
  sha256(): Uint8Array {
    return this.#hash.copy().digest();
  }

  /**
   * Decides whether it is allowed at all, and within which limits.
   *
   * @throws RequestError
   */
  async permit(): Promise<Permit> {
    const { values } = this.#context;
    const caller = { values, signal: this.signal };
    const permit = await this.#service.permit("FetchPcap", caller, this.#request);
    this.#record.permit = permit;
    return permit;
  }

  /**
   * Waits for a place, takes it, and begins.
   *
   * @returns the account that its packets are charged to; undefined: the role has no budget
   * @throws RequestError "no-free-slot", "identity-limit", "budget-exhausted" or "draining"
   */
  async start(plan: Plan, { identity, role }: Permit): Promise<Spending | undefined> {
    this.#record.plan = plan;
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

  /**
   * Counts and hashes bytes that are handed to the transport.
   *
   * @throws what ended it: nothing is handed over that the audit does not tell of
   */
  sent(pcap: Uint8Array): void {
    this.signal.throwIfAborted();
    this.#pcapBytes += pcap.length;
    this.#hash.update(pcap);
  }

  /**
   * Ends it well, once that is written down. From here on nothing else ends it.
   *
   * @throws RequestError "audit-failed"
   */
  async finish(outcome: AuditOutcome, { packets, stoppedBy, wholeness }: Answered): Promise<void> {
    if (this.#ended) throw this.signal.reason;
    this.#ended = true;
    this.#packets = packets;
    const { coverage, completeness, damage } = wholeness;
    const written = this.#record.succeeded(outcome, { ...this.#sent(), packets });
    try {
      await written;
    } catch (error) {
      this.#conclude(written, toConnectError(error));
      throw error;
    }
    this.#conclude(written, undefined, {
      packets,
      stoppedBy,
      ...(coverage && coverage.gaps.length > 0 ? { gaps: coverage.gaps.length } : {}),
      ...(completeness && { completeness }),
      ...(damage && damage.length > 0 ? { damage: damage.slice(0, 10), damages: damage.length } : {}),
    });
  }

  /** Ends it badly, and gives what the client is to be told, once that is written down. */
  async fail(error: unknown): Promise<ConnectError> {
    // After an abort the source fails as it may; why we aborted is the better reason.
    const cause: unknown = this.signal.aborted ? this.signal.reason : error;
    const failure = toConnectError(cause);
    this.#fail(failure);
    return this.#record.refusal(failure);
  }

  /** Ends it when nothing else did: the reader left in the middle. */
  leave(): void {
    this.#fail(new ConnectError("the client left", Code.Canceled));
  }

  /** Ends it from outside, at once: a handler that waits for a slow reader may not be resumed for long. */
  abandon(reason: RequestError): void {
    this.#fail(toConnectError(reason));
  }

  #timedOut(): void {
    const seconds = this.#service.limits.timeoutMs / 1000;
    this.abandon(
      new RequestError("timeout", `the retrieval took longer than the ${seconds} s this server allows`),
    );
  }

  #fail(failure: ConnectError): void {
    if (this.#ended) return;
    this.#ended = true;
    const written = this.#record.failed(failure, this.#sent());
    this.#conclude(written, failure);
  }

  #sent(): Sent {
    const pcapBytes = this.#pcapBytes;
    if (pcapBytes === 0) return { packets: 0, pcapBytes, sha256: undefined };
    return { packets: undefined, pcapBytes, sha256: Buffer.from(this.sha256()).toString("hex") };
  }

  /** Gives back what it holds, at once, and logs it when its record is written. */
  #conclude(written: Promise<AuditReceipt | undefined>, failure?: ConnectError, result: object = {}): void {
    clearTimeout(this.#timer);
    this.#context.signal.removeEventListener("abort", this.#onClientGone);
    this.#work.abort(failure ?? new RequestError("draining", "the retrieval has ended"));
    this.#release();
    this.#service.ended(this);
    const outcome = this.#count(failure);
    const log = (receipt?: AuditReceipt): void => {
      const line = receipt && { auditSeq: receipt.seq, auditHash: receipt.hash };
      this.#log(outcome, failure, { ...result, ...line });
    };
    // Why it could not be written has been logged.
    written.then(log, () => log());
  }

  #count(failure: ConnectError | undefined): string {
    const { counters } = this.#service;
    if (failure === undefined) {
      counters.served(this.#pcapBytes, this.#packets);
      return "served";
    }
    const outcome = outcomeOf(failure, this.#pcapBytes);
    counters.fellShort(outcome, reasonOf(failure), this.#pcapBytes);
    return outcome;
  }

  #log(outcome: string, failure: ConnectError | undefined, result: object): void {
    const fields = {
      ...this.#record.logFields(),
      outcome,
      pcapBytes: this.#pcapBytes,
      ...result,
      ...(failure && failureFields(failure)),
    };
    const level = failure ? logLevelOf(failure) : "info";
    this.#service.logger[level](fields, `retrieval ${outcome}`);
  }
}
