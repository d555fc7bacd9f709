import type { BatchStage, RecordBatch } from "@stenogrpc/pcap";
import { captureHeaderBytes, derive, RecordCursor, recordHeaderBytes } from "@stenogrpc/pcap";
import { RequestError } from "./request-error.js";

/** What one identity may get within any hour. */
export interface Budget {
  readonly maxBytes: number | undefined;
  readonly maxPackets: number | undefined;
}

const sliceMs = 60_000;
const slicesKept = 61;
const mostIdentities = 10_000;

/** What went out in one minute. */
interface Slice {
  readonly number: number;
  bytes: number;
  packets: number;
}

/** What one identity got within the last hour, by the minute; a minute counts until it is wholly an hour ago. */
class Account {
  slices: Slice[] = [];

  add(number: number, bytes: number, packets: number): void {
    let slice = this.slices.at(-1);
    if (slice === undefined || slice.number < number) {
      slice = { number, bytes: 0, packets: 0 };
      this.slices.push(slice);
    }
    slice.bytes += bytes;
    slice.packets += packets;
  }

  forgetBefore(number: number): void {
    while (this.slices[0] && this.slices[0].number < number) this.slices.shift();
  }

  used(key: "bytes" | "packets"): number {
    return this.slices.reduce((sum, slice) => sum + slice[key], 0);
  }
}

/**
 * Counts what each identity gets within an hour, in memory: a restart forgets it. Of more than ten thousand identities the
 * one that asked longest ago is forgotten.
 */
export class Budgets {
  readonly #now: () => number;
  /** The one that asked last is the last one. */
  readonly #accounts = new Map<string, Account>();

  /** @param now milliseconds on a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Identities it knows. */
  get size(): number {
    return this.#accounts.size;
  }

  /**
   * Opens an identity's account for one retrieval, and charges it the file's header.
   *
   * @returns undefined where the budget has no bound
   * @throws RequestError "budget-exhausted" where not even one packet is left
   */
  open(identity: string, budget: Budget): Spending | undefined {
    if (budget.maxBytes === undefined && budget.maxPackets === undefined) return undefined;
    const account = this.#accountOf(identity);
    const spending = new Spending(account, budget, () => this.#sliceNumber());
    const { bytes, packets } = spending.left();
    if (bytes < captureHeaderBytes + recordHeaderBytes || packets < 1) {
      const [oldest] = account.slices;
      const freeAt = ((oldest?.number ?? this.#sliceNumber()) + slicesKept) * sliceMs;
      throw new RequestError("budget-exhausted", "you got all that you may within an hour", {
        retryAfterMs: Math.max(1000, Math.ceil(freeAt - this.#now())),
      });
    }
    spending.charge(captureHeaderBytes, 0);
    return spending;
  }

  #accountOf(identity: string): Account {
    const account = this.#accounts.get(identity) ?? new Account();
    this.#accounts.delete(identity);
    if (this.#accounts.size >= mostIdentities) {
      const [longestAgo] = this.#accounts.keys();
      if (longestAgo !== undefined) this.#accounts.delete(longestAgo);
    }
    this.#accounts.set(identity, account);
    return account;
  }

  #sliceNumber(): number {
    return Math.floor(this.#now() / sliceMs);
  }
}

/** One retrieval's hand in an account. Several may be in it at once: what one takes is not left for the others. */
export class Spending {
  readonly #account: Account;
  readonly #budget: Budget;
  readonly #sliceNumber: () => number;

  constructor(account: Account, budget: Budget, sliceNumber: () => number) {
    this.#account = account;
    this.#budget = budget;
    this.#sliceNumber = sliceNumber;
  }

  left(): { bytes: number; packets: number } {
    this.#account.forgetBefore(this.#sliceNumber() - slicesKept + 1);
    const { maxBytes = Number.POSITIVE_INFINITY, maxPackets = Number.POSITIVE_INFINITY } = this.#budget;
    return {
      bytes: maxBytes - this.#account.used("bytes"),
      packets: maxPackets - this.#account.used("packets"),
    };
  }

  charge(bytes: number, packets: number): void {
    this.#account.add(this.#sliceNumber(), bytes, packets);
  }
}

/** Whether a packet was left out since the budget was used up. */
export interface BudgetVerdict {
  budgetUsedUp: boolean;
}

/** Passes records as long as the account has something left, then ends. */
export function withinBudget(spending: Spending | undefined, verdict: BudgetVerdict): BatchStage {
  if (spending === undefined) return (batches) => batches;
  return (batches) =>
    derive(batches, async function* (upstream) {
      for await (const batch of upstream) {
        const { count } = batch;
        const fit = fitting(batch, spending.left());
        spending.charge(fit.bytes, fit.packets);
        batch.count = fit.packets;
        if (fit.packets > 0) yield batch;
        if (fit.packets < count) {
          verdict.budgetUsedUp = true;
          return;
        }
      }
    });
}

function fitting(batch: RecordBatch, left: { bytes: number; packets: number }) {
  const cursor = new RecordCursor(batch);
  const most = Math.min(batch.count, left.packets);
  let bytes = 0;
  for (let i = 0; i < most; i++) {
    cursor.seek(i);
    const size = recordHeaderBytes + cursor.capturedLength;
    if (bytes + size > left.bytes) return { packets: i, bytes };
    bytes += size;
  }
  return { packets: Math.max(0, most), bytes };
}
