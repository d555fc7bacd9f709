import type { X509Certificate } from "node:crypto";
import { OptionsError } from "@stenogrpc/options";
import type { CertificateMetrics } from "../metrics.js";
import type { CertificateSet } from "./certificate-set.js";
import { subjectOf } from "./revocation-list.js";

const dayMs = 86_400_000;
const warnMs = 30 * dayMs;

/** Something that has an end. */
export interface Expiry {
  readonly what:
    | "server certificate"
    | "intermediate certificate"
    | "certificate authority"
    | "revocation list"
    | "client certificate";
  /** Whose it is: the subject, on one line. */
  readonly subject: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
}

/** Everything in a set that ends one day. */
export function expiriesOf(set: CertificateSet): Expiry[] {
  const { chain, authorities, revocationLists } = set;
  return [
    ...chain.map((certificate, i) =>
      expiryOf(i === 0 ? "server certificate" : "intermediate certificate", certificate),
    ),
    ...authorities.map((certificate) => expiryOf("certificate authority", certificate)),
    ...revocationLists.flatMap(({ nextUpdate, thisUpdate, issuer }) => {
      if (nextUpdate === undefined) return [];
      const authority = authorities.find((candidate) => Buffer.compare(subjectOf(candidate), issuer) === 0);
      return {
        what: "revocation list" as const,
        subject: authority ? oneLine(authority.subject) : "an authority that is not in `ca`",
        startsAt: thisUpdate,
        endsAt: nextUpdate,
      };
    }),
  ];
}

/** When a certificate ends. */
export function expiryOf(what: Expiry["what"], certificate: X509Certificate): Expiry {
  return {
    what,
    subject: oneLine(certificate.subject),
    startsAt: new Date(certificate.validFrom),
    endsAt: new Date(certificate.validTo),
  };
}

/** How loudly to speak of an end: "warn" in the last 30 days, or the last third of what lives shorter than 90; "error" after it. */
export function urgency({ startsAt, endsAt }: Expiry, nowMs: number): "warn" | "error" | undefined {
  const leftMs = endsAt.getTime() - nowMs;
  if (leftMs <= 0) return "error";
  return leftMs < Math.min(warnMs, (endsAt.getTime() - startsAt.getTime()) / 3) ? "warn" : undefined;
}

/** What a log line says of an end. */
export function expiryFields({ what, subject, endsAt }: Expiry, nowMs: number): object {
  const daysLeft = Math.floor((endsAt.getTime() - nowMs) / dayMs);
  return { what, subject, endsAt: endsAt.toISOString(), daysLeft };
}

/** When the first of each kind ends, in seconds since 1970. */
export function certificateMetrics(
  expiries: readonly Expiry[],
): Omit<CertificateMetrics, "clientsNearExpiry"> {
  const first = (...kinds: Expiry["what"][]): number =>
    Math.min(
      ...expiries.filter(({ what }) => kinds.includes(what)).map(({ endsAt }) => endsAt.getTime() / 1000),
    );
  const list = first("revocation list");
  return {
    serverExpiresAt: first("server certificate", "intermediate certificate"),
    authorityExpiresAt: first("certificate authority"),
    ...(Number.isFinite(list) ? { revocationListExpiresAt: list } : {}),
  };
}

/** @throws OptionsError where a server would replace its certificate by one that no client takes any more */
export function assertInDate({ chain: [certificate] }: CertificateSet): void {
  if (Date.parse(certificate.validTo) > Date.now()) return;
  throw new OptionsError(`tls.cert: has expired, on ${new Date(certificate.validTo).toISOString()}`);
}

function oneLine(subject: string): string {
  return subject.split("\n").join(", ");
}
