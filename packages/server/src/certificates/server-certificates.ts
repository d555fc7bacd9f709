import type { X509Certificate } from "node:crypto";
import type { Logger } from "../logger.js";
import type { CertificateMetrics, ReloadMetrics } from "../metrics.js";
import { type CertificateSet, readCertificates } from "./certificate-set.js";
import { assertInDate } from "./expiry.js";
import { ExpiryWatch } from "./expiry-watch.js";
import type { TlsOptions } from "./tls-options.js";

/** The certificates of a server that runs: read, replaced, watched. */
export class ServerCertificates {
  readonly #logger: Logger;
  readonly #apply: (set: CertificateSet) => void;
  readonly #watch: ExpiryWatch;
  readonly #reloads = { done: 0, refused: 0 };

  /** @param apply puts another set in force */
  constructor(set: CertificateSet, logger: Logger, apply: (set: CertificateSet) => void) {
    this.#logger = logger;
    this.#apply = apply;
    this.#watch = new ExpiryWatch(set, logger);
  }

  /** @throws OptionsError, and nothing has changed */
  reload(options: TlsOptions): void {
    const set = this.#read(options);
    this.#apply(set);
    this.#reloads.done++;
    this.#watch.replace(set);
    this.#logger.info({ fingerprint: set.chain[0].fingerprint256 }, "certificates replaced");
  }

  sawClient(certificate: X509Certificate): void {
    this.#watch.sawClient(certificate);
  }

  metrics(): { reloads: ReloadMetrics; certificates: CertificateMetrics } {
    return { reloads: { ...this.#reloads }, certificates: this.#watch.metrics() };
  }

  close(): void {
    this.#watch.close();
  }

  #read(options: TlsOptions): CertificateSet {
    try {
      const set = readCertificates(options);
      assertInDate(set);
      return set;
    } catch (error) {
      this.#reloads.refused++;
      throw error;
    }
  }
}
