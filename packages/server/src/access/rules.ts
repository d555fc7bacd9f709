import { type OptionsError, optionsError, sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import type { ClientIdentity } from "../identity.js";
import { glob } from "./glob.js";

const matchers = ["commonName", "dns", "uri", "email", "fingerprint256"] as const;
type Matcher = (typeof matchers)[number];
const pattern = z.string().min(1).max(2048);

/** One line of `access`: whoever has this name in the certificate has this role. Of the names, exactly one. */
export interface RuleOptions {
  /** A key of `roles`. */
  role: string;
  /** Common name of the subject; `*` stops at slashes. */
  commonName?: string | undefined;
  /** A DNS name; `*` stops at dots. Case does not matter. */
  dns?: string | undefined;
  /** A URI, such as a SPIFFE id; `*` stops at slashes. */
  uri?: string | undefined;
  /** A mail address; `*` stops at the `@`. */
  email?: string | undefined;
  /** SHA-256 of the certificate in hex, with or without colons. */
  fingerprint256?: string | undefined;
}

/** The same as a schema. */
export const ruleSchema = strictOptions({
  role: z.string().min(1),
  commonName: pattern.optional(),
  dns: pattern.optional(),
  uri: pattern.optional(),
  email: pattern.optional(),
  fingerprint256: pattern.optional(),
});
sameType<RuleOptions, z.input<typeof ruleSchema>>(true);

/** Finds the role's name of an identity; undefined: no rule is about it. */
export type Rules = (identity: ClientIdentity) => string | undefined;

interface Rule {
  readonly role: string;
  readonly matcher: Matcher;
  readonly value: string;
  readonly matches: (name: string) => boolean;
}

/**
 * Makes the search for the first rule about an identity.
 *
 * @throws OptionsError for a rule without exactly one matcher, for a role that does not exist, and for a rule that can't
 *   ever decide anything
 */
export function compileRules(options: readonly RuleOptions[], roles: readonly string[]): Rules {
  const rules: Rule[] = [];
  for (const [index, rule] of options.entries()) {
    const compiled = compileRule(["access", index], rule, roles);
    const earlier = rules.findIndex((other) => covers(other, compiled));
    if (earlier >= 0)
      throw problem(["access", index], `never decides: access.${earlier} comes first and covers it`);
    rules.push(compiled);
  }
  return (identity) => rules.find(({ matcher, matches }) => namesOf(identity, matcher).some(matches))?.role;
}

function compileRule(place: readonly PropertyKey[], rule: RuleOptions, roles: readonly string[]): Rule {
  if (!roles.includes(rule.role))
    throw problem(place, `there is no role ${JSON.stringify(rule.role)} in roles`);
  const given = matchers.filter((matcher) => rule[matcher] !== undefined);
  const [matcher] = given;
  if (matcher === undefined || given.length > 1) {
    throw problem(
      place,
      `must have exactly one of ${matchers.join(", ")}${given.length ? `, not ${given.join(" and ")}` : ""}`,
    );
  }
  const value = normal(matcher, rule[matcher] ?? "");
  const impossible = whyImpossible(matcher, value);
  if (impossible) throw problem([...place, matcher], impossible);
  return { role: rule.role, matcher, value, matches: glob(value, separators[matcher]) };
}

const separators: Record<Matcher, string> = {
  commonName: "/",
  dns: "/.",
  uri: "/",
  email: "/@",
  fingerprint256: "",
};

/** Whether everyone whom `later` means is decided by `earlier`, as far as that shows. */
function covers(earlier: Rule, later: Rule): boolean {
  if (earlier.matcher !== later.matcher) return false;
  return earlier.value === later.value || (!later.value.includes("*") && earlier.matches(later.value));
}

function normal(matcher: Matcher, name: string): string {
  if (matcher === "dns") return name.toLowerCase();
  return matcher === "fingerprint256" ? name.replaceAll(":", "").toLowerCase() : name;
}

/** Why no certificate can have such a name. */
function whyImpossible(matcher: Matcher, value: string): string | undefined {
  switch (matcher) {
    case "fingerprint256":
      return /^[0-9a-f]{64}$/.test(value) ? undefined : "must be 32 bytes in hex, without *";
    case "dns":
      return /^[a-z0-9_.*-]+$/.test(value)
        ? undefined
        : "is no DNS name: letters, digits, - and dots (names in Unicode as xn--)";
    case "uri":
      return /^[A-Za-z][A-Za-z0-9+.-]*:./.test(value)
        ? undefined
        : "is no URI: it must begin with its scheme, as spiffe:// does";
    case "email":
      return value.split("@").length === 2 ? undefined : "is no mail address: it must have one @";
    case "commonName":
      return undefined;
  }
}

function namesOf(identity: ClientIdentity, matcher: Matcher): readonly string[] {
  switch (matcher) {
    case "commonName":
      return identity.commonName === undefined ? [] : [identity.commonName];
    case "dns":
      return identity.dns.map((name) => name.toLowerCase());
    case "uri":
      return identity.uris;
    case "email":
      return identity.emails;
    case "fingerprint256":
      return [normal("fingerprint256", identity.fingerprint256)];
  }
}

function problem(path: readonly PropertyKey[], message: string): OptionsError {
  return optionsError("sensor", [{ path, message }]);
}
