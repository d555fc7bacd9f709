import type { AuditChainSetup } from "./audit-chain.js";
import { AuditChain } from "./audit-chain.js";
import { AuditError } from "./audit-error.js";
import { entryText, linkBytes } from "./audit-line.js";
import type { AuditReceipt, AuditRecord } from "./audit-record.js";

/** The most bytes of one commit, unless one line has more: what is set aside at most after a crash. */
const mostCommitBytes = 1024 * 1024;

interface Waiting {
  readonly entry: string;
  readonly resolve: (receipt: AuditReceipt) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An append-only log, one JSON line a request, each with the hash of the line before.
 *
 * Records that come while others are on their way to the disk share the next write and its fdatasync. The chain says how many
 * could not be written.
 */
export class AuditLog {
  readonly #chain: AuditChain;
  readonly #time: () => string;
  readonly #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;
  #lost = 0;
  #isClosed = false;

  constructor(setup: AuditChainSetup) {
    this.#chain = new AuditChain(setup);
    this.#time = () => new Date(setup.now()).toISOString();
  }

  /**
   * Opens the file. `write` does so too; this tells before what is wrong.
   *
   * @throws AuditError, or the system's error
   */
  async open(): Promise<void> {
    while (this.#working) await this.#working;
    const opening = this.#chain.open();
    this.#working = opening.then(
      () => this.#commitWaiting(),
      () => this.#commitWaiting(),
    );
    await opening;
  }

  /** Resolves when the record is on disk, with the place of its line. Rejects with AuditError, or the system's error. */
  write(record: AuditRecord): Promise<AuditReceipt> {
    if (this.#isClosed) return Promise.reject(new AuditError("closed", "the audit log is closed"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry: entryText({ event: "request", ...record }), resolve, reject });
      this.#working ??= this.#commitWaiting();
    });
  }

  /** Waits for what is on its way, and lets another process write. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#working;
    await this.#chain.close();
  }

  async #commitWaiting(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#takeWaiting());
    this.#working = undefined;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const entries = batch.map(({ entry }) => entry);
    if (this.#lost > 0)
      entries.unshift(entryText({ event: "lost", time: this.#time(), records: this.#lost }));
    try {
      const receipts = (await this.#chain.commit(entries)).slice(-batch.length);
      this.#lost = 0;
      for (const [i, receipt] of receipts.entries()) batch[i]?.resolve(receipt);
    } catch (error) {
      this.#lost += batch.length;
      for (const { reject } of batch) reject(error);
    }
  }

  #takeWaiting(): Waiting[] {
    let bytes = 0;
    const tooMuch = this.#waiting.findIndex(({ entry }, i) => {
      bytes += entry.length + linkBytes;
      return i > 0 && bytes > mostCommitBytes;
    });
    return this.#waiting.splice(0, tooMuch === -1 ? this.#waiting.length : tooMuch);
  }
}
