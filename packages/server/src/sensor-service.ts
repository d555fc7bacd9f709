import { hostname } from "node:os";
import type { ContextValues } from "@connectrpc/connect";
import { parseOptions, sameType, strictOptions } from "@stenogrpc/options";
import type { StenoRequest } from "@stenogrpc/protocol";
import * as z from "zod";
import type { Authorize, Permit, Rpc } from "./access/access.js";
import { Access } from "./access/access.js";
import type { RoleOptions } from "./access/role.js";
import { roleOf, roleSchema } from "./access/role.js";
import type { RuleOptions } from "./access/rules.js";
import { ruleSchema } from "./access/rules.js";
import { Admission } from "./admission.js";
import { Audit } from "./audit/audit.js";
import type { AuditOptions } from "./audit/audit-options.js";
import { auditSchema } from "./audit/audit-options.js";
import { Budgets } from "./budgets.js";
import { ClientTrust, type TrustSet } from "./certificates/client-trust.js";
import { HealthCheck } from "./health-check.js";
import { clientCertificateKey, identityKey, identityOf } from "./identity.js";
import type { Limits, LimitsOptions } from "./limits.js";
import { limitsSchema } from "./limits.js";
import type { Logger } from "./logger.js";
import { silentLogger } from "./logger.js";
import { longestTimerMs } from "./longest-timer.js";
import { RetrievalCounters, type SensorMetrics } from "./metrics.js";
import type { Plan } from "./plan-retrieval.js";
import { planRetrieval } from "./plan-retrieval.js";
import { RequestError } from "./request-error.js";
import type { Retrieval } from "./retrieval.js";
import type { PacketSource } from "./sources/packet-source.js";
import { Turnstile } from "./turnstile.js";

/** What an embedder says about a sensor: what it serves, to whom, and within which limits. Unknown keys are refused. */
export interface SensorOptions {
  /** Where packets come from: directorySource(...), stenographerSource(...), stenoreadSource(...), or your own. */
  source: PacketSource;
  /** Name of the sensor, told to clients. Default: the host's name. */
  sensor?: string | undefined;
  /** Limits on retrievals. Default: each its own. */
  limits?: LimitsOptions | undefined;
  /** Who has which role; the first rule about an identity decides. With it, everyone else is refused. Default: everyone may ask. */
  access?: RuleOptions[] | undefined;
  /** What a role allows, by its name. Default: there are none. */
  roles?: Record<string, RoleOptions> | undefined;
  /** Decides instead of `access`. Called for every call; whatever it throws is a no. Default: `access` decides. */
  authorize?: Authorize | undefined;
  /** Where each request is written down before it is answered: a file, or a sink of yours. Default: nowhere. */
  audit?: AuditOptions | undefined;
  /** Where the log goes: pino's shape. Default: nowhere. */
  logger?: Logger | undefined;
  /** The clock, in milliseconds since the epoch, with or without fractions; resolves "3h ago". Default: Date.now. */
  now?: (() => number) | undefined;
}

/** What a sensor serves, and within which limits: keys of an options object. */
export const sensorOptionsShape = {
  source: z.custom<PacketSource>(
    isPacketSource,
    "must be a packet source: an object with kind, open() and describe()",
  ),
  sensor: z
    .string()
    .min(1)
    .default(() => hostname()),
  limits: limitsSchema.prefault({}),
  access: z.array(ruleSchema).optional(),
  roles: z.record(z.string().min(1), roleSchema).optional(),
  authorize: z.custom<Authorize>((value) => typeof value === "function", "must be a function").optional(),
  audit: auditSchema.optional(),
  logger: z.custom<Logger>(isLogger, "must have debug(), info(), warn() and error()").default(silentLogger),
  now: z
    .custom<() => number>((value) => typeof value === "function", "must be a function")
    .default(() => Date.now),
};

const sensorOptionsSchema = strictOptions(sensorOptionsShape);
sameType<SensorOptions, z.input<typeof sensorOptionsSchema>>(true);

/** Where a call comes from, and until when somebody waits for it. */
export interface Caller {
  readonly values: ContextValues;
  readonly signal: AbortSignal;
}

/** One sensor at work: what the handlers share. */
export class SensorService {
  readonly sensor: string;
  readonly source: PacketSource;
  readonly limits: Limits;
  readonly logger: Logger;
  /** The clock, in milliseconds since the epoch. */
  readonly now: () => number;
  /** Where requests are written down, if they are. */
  readonly audit: Audit | undefined;
  readonly admission: Admission;
  readonly budgets = new Budgets();
  /** Retrievals under way. */
  readonly retrievals = new Set<Retrieval>();
  /** What has come of retrievals so far. */
  readonly counters = new RetrievalCounters();
  /** Which client certificates are good still. */
  readonly trust = new ClientTrust();
  /** Whether packets can be had. */
  readonly health: HealthCheck;
  readonly #access: Access;
  readonly #turnstile = new Turnstile();
  #idle: () => void = () => {};
  #closing: Promise<void> | undefined;

  /** @throws OptionsError */
  constructor(options: SensorOptions) {
    const { sensor, source, limits, logger, now, audit, access, roles, authorize } = parseOptions(
      "sensor",
      sensorOptionsSchema,
      options,
    );
    this.sensor = sensor;
    this.source = source;
    this.limits = limits;
    this.logger = logger;
    this.now = now;
    this.audit = audit && new Audit(audit, { logger, now });
    this.admission = new Admission(limits);
    this.health = new HealthCheck(source, logger);
    this.#access = new Access({
      sensor,
      access,
      roles: roles && new Map(Object.entries(roles).map(([name, role]) => [name, roleOf(role)])),
      authorize,
      authorizeTimeoutMs: limits.authorizeTimeoutMs,
      logger,
    });
  }

  /**
   * Decides whether the caller may ask this, and within which limits. Comes before anything else that a call does.
   *
   * @param request not for DescribeSensor
   * @throws RequestError
   */
  async permit(rpc: Rpc, { values, signal }: Caller, request?: StenoRequest): Promise<Permit> {
    // Again: it may have been revoked while the request was on its way.
    this.trust.assertGood(values.get(clientCertificateKey));
    return this.#access.permit({ rpc, identity: identityOf(values), request, signal, sensor: this.sensor });
  }

  /** The clock, in nanoseconds since the epoch. */
  nowNs(): bigint {
    return BigInt(Math.floor(this.now())) * 1_000_000n;
  }

  /**
   * Reads a request into a plan, when its turn comes: a long filter takes some tenths of a second.
   *
   * @throws RequestError, FilterSyntaxError; the signal's reason
   */
  plan(request: StenoRequest, permit: Permit, signal: AbortSignal): Promise<Plan> {
    return this.inTurn(permit, signal, () =>
      planRetrieval(request, {
        role: permit.role,
        limits: this.limits,
        abilities: this.source.abilities ?? {},
        nowNs: this.nowNs(),
      }),
    );
  }

  /** Does work that holds all other clients up, with a turn for them between one such piece and the next. */
  inTurn<Result>({ identity }: Permit, signal: AbortSignal, work: () => Result): Promise<Result> {
    return this.#turnstile.pass({ identity: identityKey(identity), signal }, work);
  }

  /** Trusts other client certificates from now on, and ends what those that are refused now have under way. */
  replaceTrust(set: TrustSet): void {
    this.trust.replace(set);
    for (const retrieval of this.retrievals) {
      const refusal = retrieval.certificate && this.trust.refusal(retrieval.certificate);
      if (refusal) retrieval.abandon(refusal);
    }
  }

  /** Numbers about it, as they are now. */
  metrics(): SensorMetrics {
    const now = { running: this.retrievals.size, queued: this.admission.waiting };
    return { retrievals: this.counters.metrics(now) };
  }

  /** Forgets a retrieval that has ended. */
  ended(retrieval: Retrieval): void {
    this.retrievals.delete(retrieval);
    if (this.retrievals.size === 0) this.#idle();
  }

  /** Takes no further retrieval, waits for those under way, ends those that take longer than `graceMs`, closes the source. Once. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    this.admission.close();
    this.health.close();
    if (this.retrievals.size > 0) {
      const timer = setTimeout(() => this.#abandonAll(), Math.min(graceMs, longestTimerMs));
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
      clearTimeout(timer);
    }
    await this.source.close?.();
    await this.audit?.close();
  }

  #abandonAll(): void {
    const reason = new RequestError("draining", "the server shut down before the answer was complete");
    for (const retrieval of this.retrievals) retrieval.abandon(reason);
  }
}

function isPacketSource(value: unknown): boolean {
  return hasFunctions(value, "open", "describe") && typeof (value as PacketSource).kind === "string"; // hasFunctions made sure it's an object
}

function isLogger(value: unknown): boolean {
  return hasFunctions(value, "debug", "info", "warn", "error");
}

function hasFunctions(value: unknown, ...names: string[]): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === "function") // any object can be looked at by name
  );
}
