import { orAbort } from "./abortable.js";
import { failureFields } from "./failure-fields.js";
import type { Logger } from "./logger.js";
import type { PacketSource, SourceDescription } from "./sources/packet-source.js";
import { toConnectError } from "./to-connect-error.js";

/** Whether a sensor's source can be asked, and what it said. */
export type SensorHealth =
  | ({ readonly isHealthy: true } & SourceDescription)
  | {
      readonly isHealthy: false;
      /** Why not, in words that name no path. The log has the rest. */
      readonly problem: string;
    };

export interface HealthCheckOptions {
  /** How long an answer holds, in milliseconds. */
  readonly holdsMs: number;
  /** How long the source may take for one, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Asks a source whether it can be asked, for probes that come every few seconds from several places: seldom, one question at a time, and
 * with a short time limit.
 */
export class HealthCheck {
  readonly #source: PacketSource;
  readonly #logger: Logger;
  readonly #options: HealthCheckOptions;
  readonly #closing = new AbortController();
  #latest: Promise<SensorHealth> | undefined;
  #holdsUntil = Number.POSITIVE_INFINITY;
  #wasHealthy = true;
  /** A source that hangs may not let go of a question when it is told to. */
  #isAsked = false;

  constructor(source: PacketSource, logger: Logger, options: Partial<HealthCheckOptions> = {}) {
    this.#source = source;
    this.#logger = logger;
    this.#options = { holdsMs: 5000, timeoutMs: 3000, ...options };
  }

  /** Never rejects. */
  ask(): Promise<SensorHealth> {
    if (this.#latest !== undefined && performance.now() < this.#holdsUntil) return this.#latest;
    this.#holdsUntil = Number.POSITIVE_INFINITY;
    const latest = this.#find();
    this.#latest = latest;
    void latest.then(() => {
      this.#holdsUntil = performance.now() + this.#options.holdsMs;
    });
    return latest;
  }

  /** Ends a question that is under way. */
  close(): void {
    this.#closing.abort(new Error("the server is shutting down"));
  }

  async #find(): Promise<SensorHealth> {
    if (this.#closing.signal.aborted) return { isHealthy: false, problem: "the server is shutting down" };
    const { timeoutMs } = this.#options;
    const late = `no answer within ${timeoutMs} ms`;
    // Each further one might hold another of the few threads that all files are read by.
    if (this.#isAsked) return this.#unhealthy(new Error(late), late);
    // Not AbortSignal.any: Node 20 can collect such a signal while it is waited for, and the abort is lost.
    const stop = new AbortController();
    const onClose = (): void => stop.abort(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", onClose);
    const timer = setTimeout(() => stop.abort(new Error("no answer in time")), timeoutMs);
    timer.unref();
    try {
      const description = await orAbort(this.#describe(stop.signal), stop.signal);
      if (!this.#wasHealthy)
        this.#logger.info({ source: this.#source.kind }, "the packets can be reached again");
      this.#wasHealthy = true;
      return { isHealthy: true, ...description };
    } catch (error) {
      if (this.#closing.signal.aborted) return { isHealthy: false, problem: "the server is shutting down" };
      return this.#unhealthy(error, stop.signal.aborted ? late : undefined);
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", onClose);
    }
  }

  /** What a source throws at once is as good as what it rejects with. */
  async #describe(signal: AbortSignal): Promise<SourceDescription> {
    this.#isAsked = true;
    try {
      return await this.#source.describe(signal);
    } finally {
      this.#isAsked = false;
    }
  }

  #unhealthy(error: unknown, late: string | undefined): SensorHealth {
    const failure = toConnectError(error);
    const problem = late ?? failure.rawMessage;
    const fields = { source: this.#source.kind, ...(late ? { error: late } : failureFields(failure)) };
    if (this.#wasHealthy) this.#logger.warn(fields, "the packets can't be reached");
    this.#wasHealthy = false;
    return { isHealthy: false, problem };
  }
}
