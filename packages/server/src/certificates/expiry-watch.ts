import type { X509Certificate } from "node:crypto";
import type { Logger } from "../logger.js";
import type { CertificateMetrics } from "../metrics.js";
import { type CertificateSet, hasList } from "./certificate-set.js";
import { certificateMetrics, type Expiry, expiriesOf, expiryFields, expiryOf, urgency } from "./expiry.js";

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Clients that are remembered: each line of the log is worth a little memory, a flood of certificates is not. */
const maxClients = 10_000;

/**
 * Says in the log what is about to end, and as an error what has ended: at once for a new set, then once a day for each
 * thing. A client's certificate when it connects.
 */
export class ExpiryWatch {
  readonly #logger: Logger;
  #set: CertificateSet;
  #said = new Map<string, { level: "warn" | "error"; atMs: number }>();
  /** Clients' certificates seen near their ends, by fingerprint, and when the log said so last. */
  readonly #clients = new Map<string, { expiry: Expiry; saidAtMs: number }>();
  // Every hour, since a certificate of a day or an hour would end unseen between two looks of a daily timer.
  readonly #timer = setInterval(() => this.#look(), hourMs).unref();

  constructor(set: CertificateSet, logger: Logger) {
    this.#logger = logger;
    this.#set = set;
    this.replace(set);
  }

  /** The set in force, which is looked at at once. */
  replace(set: CertificateSet): void {
    this.#set = set;
    this.#said = new Map();
    this.#look();
    if (set.revocationLists.length === 0) return;
    for (const authority of set.authorities) {
      if (hasList(authority, set.revocationLists)) continue;
      this.#logger.warn(
        { subject: authority.subject },
        "no revocation list of this certificate authority: its clients are refused as long as others have one",
      );
    }
  }

  /** A client has connected. */
  sawClient(certificate: X509Certificate): void {
    const nowMs = Date.now();
    const expiry = expiryOf("client certificate", certificate);
    if (urgency(expiry, nowMs) === undefined) return;
    const { fingerprint256 } = certificate;
    const seen = this.#clients.get(fingerprint256);
    if (seen ? nowMs - seen.saidAtMs < dayMs : this.#clients.size >= maxClients) return;
    this.#clients.set(fingerprint256, { expiry, saidAtMs: nowMs });
    this.#logger.warn(
      { ...expiryFields(expiry, nowMs), fingerprint: fingerprint256 },
      "a client's certificate expires soon; it needs a new one",
    );
  }

  metrics(): CertificateMetrics {
    this.#forgetClients();
    return { ...certificateMetrics(expiriesOf(this.#set)), clientsNearExpiry: this.#clients.size };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = Date.now();
    this.#forgetClients();
    for (const expiry of expiriesOf(this.#set)) {
      const level = urgency(expiry, nowMs);
      if (level === undefined) continue;
      const key = `${expiry.what} ${expiry.subject}`;
      const said = this.#said.get(key);
      if (said?.level === level && nowMs - said.atMs < dayMs) continue;
      this.#said.set(key, { level, atMs: nowMs });
      this.#logger[level](expiryFields(expiry, nowMs), sentence(expiry, level));
    }
  }

  /** What has ended meanwhile, or has not been seen for a day. */
  #forgetClients(): void {
    const nowMs = Date.now();
    for (const [fingerprint, { expiry, saidAtMs }] of this.#clients) {
      if (expiry.endsAt.getTime() <= nowMs || nowMs - saidAtMs >= dayMs) this.#clients.delete(fingerprint);
    }
  }
}

function sentence({ what }: Expiry, level: "warn" | "error"): string {
  if (what === "revocation list") {
    return level === "error"
      ? "the revocation list is out of date: every client is refused until a new one is loaded"
      : "the revocation list is soon out of date; load a new one, or every client will be refused";
  }
  return level === "error" ? `the ${what} has expired` : `the ${what} expires soon; renew it`;
}
