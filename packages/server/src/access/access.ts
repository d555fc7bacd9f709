import { OptionsError, optionsError, parseOptions } from "@stenogrpc/options";
import type { StenoRequest } from "@stenogrpc/protocol";
import { orAbort } from "../abortable.js";
import type { ClientIdentity } from "../identity.js";
import type { Logger } from "../logger.js";
import { RequestError } from "../request-error.js";
import { anyone, type Role, type RoleOptions, roleOf, roleSchema } from "./role.js";
import { compileRules, type RuleOptions, type Rules } from "./rules.js";

/** What a client can ask. */
export type Rpc = "FetchPcap" | "ExplainQuery" | "DescribeSensor";

/** What an authorize hook is told. */
export interface AuthorizeContext {
  readonly identity: ClientIdentity;
  readonly rpc: Rpc;
  /** Name of the sensor. */
  readonly sensor: string;
  /** What is asked for, as it came; not for DescribeSensor. */
  readonly request: StenoRequest | undefined;
  /** Aborts when nobody waits for the decision any more. */
  readonly signal: AbortSignal;
}

/** An authorize hook's answer. The reason goes to the client. */
export type Decision =
  | { readonly allow: true; readonly role?: RoleOptions }
  | { readonly allow: false; readonly reason: string };

/** Decides whether a call is allowed, and within which limits. Whatever it throws is a no. */
export type Authorize = (context: AuthorizeContext) => Decision | Promise<Decision>;

/** Who asks, and what they may. */
export interface Permit {
  readonly identity: ClientIdentity;
  /** Name of the role; undefined where nobody has one. */
  readonly roleName: string | undefined;
  readonly role: Role;
}

/** Who may do what on a sensor. */
export interface AccessOptions {
  readonly sensor: string;
  readonly access: readonly RuleOptions[] | undefined;
  /** By name. */
  readonly roles: ReadonlyMap<string, Role> | undefined;
  readonly authorize: Authorize | undefined;
  /** How long the hook may take, in milliseconds. */
  readonly authorizeTimeoutMs: number;
  readonly logger: Logger;
}

/** Decides who may ask what. */
export class Access {
  readonly #options: AccessOptions;
  readonly #rules: Rules | undefined;

  /** @throws OptionsError */
  constructor(options: AccessOptions) {
    const { access, roles = new Map(), authorize, logger } = options;
    if (access && authorize)
      throw new OptionsError("sensor: authorize: cannot be together with access; choose one");
    if (options.roles && !access)
      throw optionsError("sensor", [{ path: ["roles"], message: "have no effect without access" }]);
    this.#options = options;
    this.#rules = access && compileRules(access, [...roles.keys()]);
    if (!access && !authorize) {
      logger.warn(
        { sensor: options.sensor },
        "NO ACCESS RULES: every certificate of the CA may fetch every packet; set access and roles",
      );
    }
  }

  /**
   * Decides about one call.
   *
   * @throws RequestError: the call is refused
   */
  async permit(context: AuthorizeContext): Promise<Permit> {
    const { identity, rpc, sensor } = context;
    const { roleName, role } = this.#options.authorize
      ? { roleName: undefined, role: await this.#ask(this.#options.authorize, context) }
      : this.#lookUp(identity);
    const named = roleName === undefined ? "" : ` for the role ${JSON.stringify(roleName)}`;
    if (!role.allowsSensor(sensor))
      throw new RequestError("sensor-not-allowed", `this sensor is not open${named}`);
    if ((rpc === "ExplainQuery" && !role.explain) || (rpc === "DescribeSensor" && !role.info)) {
      throw new RequestError("rpc-not-allowed", `${rpc} is not open${named}`);
    }
    return { identity, roleName, role };
  }

  #lookUp(identity: ClientIdentity): { roleName: string | undefined; role: Role } {
    if (!this.#rules) return { roleName: undefined, role: anyone };
    const roleName = this.#rules(identity);
    const role = roleName === undefined ? undefined : this.#options.roles?.get(roleName);
    if (role) return { roleName, role };
    throw new RequestError(
      "identity-unmapped",
      `no role on this sensor is for this certificate: ${inWords(identity)}`,
    );
  }

  async #ask(authorize: Authorize, context: AuthorizeContext): Promise<Role> {
    const decision = await this.#answerOf(authorize, context);
    if (decision.allow === true) return this.#roleOf(decision.role ?? {});
    throw new RequestError("not-authorized", String(decision.reason));
  }

  async #answerOf(authorize: Authorize, context: AuthorizeContext): Promise<Decision> {
    const { authorizeTimeoutMs } = this.#options;
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(context.signal.reason);
    context.signal.addEventListener("abort", onAbort, { once: true });
    if (context.signal.aborted) onAbort();
    const timer = setTimeout(
      () => stop.abort(new Error(`no decision within ${authorizeTimeoutMs} ms`)),
      authorizeTimeoutMs,
    );
    try {
      const decision = await orAbort(
        Promise.resolve().then(() => authorize({ ...context, signal: stop.signal })),
        stop.signal,
      );
      if (typeof decision?.allow !== "boolean") throw new TypeError("the decision has no `allow`");
      return decision;
    } catch (error) {
      if (context.signal.aborted) throw context.signal.reason;
      throw this.#noDecision(error);
    } finally {
      clearTimeout(timer);
      context.signal.removeEventListener("abort", onAbort);
    }
  }

  #roleOf(options: RoleOptions): Role {
    try {
      return roleOf(parseOptions("authorize: role", roleSchema, options));
    } catch (error) {
      throw this.#noDecision(error);
    }
  }

  /** What cannot be decided is refused. */
  #noDecision(error: unknown): RequestError {
    this.#options.logger.error({ err: error }, "authorize failed; the call is refused");
    return new RequestError(
      "authorization-failed",
      "whether this is allowed could not be decided; ask again later",
    );
  }
}

/** Who it is, for whoever writes the rules: as much as a message holds. */
function inWords({ commonName, subjectAltName, fingerprint256 }: ClientIdentity): string {
  const parts = [
    commonName === undefined ? undefined : `common name ${JSON.stringify(commonName)}`,
    subjectAltName === undefined ? undefined : `names ${subjectAltName}`,
  ].flatMap((part) => (part === undefined ? [] : [part.slice(0, 300)]));
  return [...parts, `fingerprint ${fingerprint256}`].join(", ");
}
