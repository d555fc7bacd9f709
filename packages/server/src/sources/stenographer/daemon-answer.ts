import type { RecordBatch, TimeWindow } from "@stenogrpc/pcap";
import { SourceError } from "../packet-source.js";
import type { Damage, SourceOutcome } from "../source-outcome.js";
import type { StenographerConfig } from "../stenographer-config.js";
import { countPositions } from "./count-positions.js";
import type { DaemonFile } from "./daemon-files.js";
import { coverageOf, listDaemonFiles, mayBeTaken, mayHold } from "./daemon-files.js";
import type { StenographerConnection } from "./stenographer-connection.js";

/** What is known of an answer before it comes. */
interface Question {
  readonly daemon: StenographerConnection;
  readonly settings: StenographerConfig;
  readonly query: string;
  readonly window: TimeWindow;
  readonly signal: AbortSignal;
}

/**
 * Watches over one answer of the daemon's, which ends each of its failures as a success: which files it is made of, whether
 * one of them went away meanwhile, and, on request, how many packets it should have.
 */
export class DaemonAnswer {
  readonly #question: Question;
  #files: readonly DaemonFile[] = [];
  #expected: number | undefined;
  #outcome: SourceOutcome = {};

  constructor(question: Question) {
    this.#question = question;
  }

  /** What is known of the answer's wholeness: all of it once the batches have ended. */
  get outcome(): SourceOutcome {
    return this.#outcome;
  }

  /**
   * Looks at what is there before the query.
   *
   * @throws SourceError
   */
  async prepare(verify: "none" | "positions"): Promise<void> {
    const { settings, window } = this.#question;
    const lists = await this.#list();
    this.#files = mayHold(lists, window, settings);
    this.#outcome = { coverage: coverageOf(lists, window, settings, BigInt(Date.now()) * 1_000_000n) };
    if (verify === "positions" && lists.length > 0) this.#expected = await this.#count(lists);
  }

  /** Passes the batches on and looks again behind them. */
  async *checked(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch, void, undefined> {
    let packets = 0;
    for await (const batch of batches) {
      packets += batch.count; // before the stages behind compact the batch
      yield batch;
    }
    const now = await this.#list();
    this.#outcome = { ...this.#outcome, damage: goneFrom(this.#files, now.flat()) };
    if (this.#expected === undefined) return;
    if (packets !== this.#expected && packets !== (await this.#count(now))) {
      throw new SourceError(
        "source-corrupt",
        "Stenographer's answer does not have the packets its index has",
        {
          details: { packets, expected: this.#expected },
        },
      );
    }
    this.#outcome = { ...this.#outcome, completeness: "proved" };
  }

  #list(): Promise<DaemonFile[][]> {
    const { daemon, settings, signal } = this.#question;
    return listDaemonFiles(daemon, settings.threads.length, signal);
  }

  #count(lists: readonly (readonly DaemonFile[])[]): Promise<number | undefined> {
    const { daemon, query, window, settings, signal } = this.#question;
    return countPositions(daemon, query, mayBeTaken(lists, window, settings), signal);
  }
}

/** Files that were there before the answer and are no longer: the daemon gives what it had read by then, and no error. */
function goneFrom(before: readonly DaemonFile[], now: readonly DaemonFile[]): Damage[] {
  const left = new Set(now.map(({ thread, name }) => `${thread}/${name}`));
  return before
    .filter(({ thread, name }) => !left.has(`${thread}/${name}`))
    .map(({ thread, name }) => ({
      file: name,
      thread,
      what: "aged out while Stenographer answered",
      losesPackets: true,
    }));
}
