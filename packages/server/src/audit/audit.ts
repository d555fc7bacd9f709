import type { Logger } from "../logger.js";
import { RequestError } from "../request-error.js";
import { AuditError } from "./audit-error.js";
import { AuditLog } from "./audit-log.js";
import type { AuditSetup } from "./audit-options.js";
import { isSink } from "./audit-options.js";
import type { AuditReceipt, AuditRecord } from "./audit-record.js";

/** How long a sink may take: a request waits for it, and so does the end of the server. */
const sinkTimeoutMs = 30_000;

/** Writes requests down, and decides what becomes of one that can't be. */
export class Audit {
  readonly #logger: Logger;
  readonly #log: AuditLog | undefined;
  readonly #write: (record: AuditRecord) => Promise<AuditReceipt | undefined>;
  readonly #continues: boolean;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(setup: AuditSetup, { logger, now }: { logger: Logger; now: () => number }) {
    this.#logger = logger;
    if (isSink(setup)) {
      this.#continues = false;
      this.#write = async (record) => {
        await within(sinkTimeoutMs, setup.write(record));
        return undefined;
      };
      return;
    }
    const { file, maxBytes, keep, onFailure } = setup;
    const log = new AuditLog({ file, maxBytes, keep, logger, now });
    this.#log = log;
    this.#write = (record) => log.write(record);
    this.#continues = onFailure === "continue";
  }

  /**
   * Opens the file, so that a problem is known before anyone asks.
   *
   * @throws AuditError
   */
  async open(): Promise<void> {
    try {
      await this.#log?.open();
    } catch (error) {
      if (error instanceof AuditError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new AuditError("unavailable", `cannot open the audit log: ${why}`, { cause: error });
    }
  }

  /**
   * Writes a request down.
   *
   * @returns its line, where a file has it
   * @throws RequestError "audit-failed", unless failures are to be passed over
   */
  async record(record: AuditRecord): Promise<AuditReceipt | undefined> {
    const writing = this.#write(record);
    this.#underWay.add(writing);
    try {
      return await writing;
    } catch (error) {
      const { rpc, uid, outcome } = record;
      this.#logger.error(
        { err: error, rpc, uid, outcome },
        "a request could not be written to the audit log",
      );
      if (this.#continues) return undefined;
      throw new RequestError(
        "audit-failed",
        "the request could not be written to the server's audit log, so it is not answered; the operator has to see to it",
      );
    } finally {
      this.#underWay.delete(writing);
    }
  }

  /** Waits for what is on its way, and closes the file. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#log?.close();
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the audit sink took longer than ${ms / 1000} s`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
