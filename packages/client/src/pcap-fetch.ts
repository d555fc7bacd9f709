import { decodeCapture, derive, type PacketRecord, records } from "@stenogrpc/pcap";
import { optionsInvalid } from "./check-options.js";
import type { FetchResult } from "./fetch-result.js";
import type { Retrieval } from "./retrieval.js";
import { StenographerError } from "./stenographer-error.js";

/**
 * One retrieval, to be read once: as an async iterable of bytes, with `forEachPiece()`, as `records()`, or as `toWebStream()`.
 *
 * Nothing is sent before the first pull. The bytes are a classic pcap file, cut between packet records; they are all there
 * and as the server sent them only when the reading ends without an error. Leaving the loop, `await using` and an aborted
 * signal cancel the retrieval.
 */
export class PcapFetch implements AsyncIterable<Uint8Array>, AsyncDisposable {
  /** The uid of the retrieval, which is also in the server's log. */
  readonly uid: string;
  readonly #retrieval: Retrieval;
  #use: string | undefined;

  /** @internal */
  constructor(retrieval: Retrieval) {
    this.#retrieval = retrieval;
    this.uid = retrieval.plan.uid;
  }

  /**
   * What came of the retrieval. Settles when the reading ends; rejects with a StenographerError when it fails or is left.
   *
   * Where nobody has begun to read by the end of the turn, the answer is fetched and verified and its bytes thrown away:
   * `await client.fetchPcap(options).summary` counts packets.
   */
  get summary(): Promise<FetchResult> {
    if (this.#use === undefined) setTimeout(() => this.#readForSummary(), 0);
    return this.#retrieval.result;
  }

  /**
   * The answer's bytes. Each piece ends on a packet record and is not written to again; several may share an ArrayBuffer. Throws
   * StenographerError.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this.take("async iteration");
  }

  /**
   * Calls `read` with one piece of the answer's bytes after the other, and resolves with the result: as a loop over them does, with less
   * work for the garbage collector, and memory that does not grow.
   *
   * A piece, which ends on a packet record, is lent to `read` until it returns or, where it returns a promise, that has settled; then its
   * memory is used again. An error of `read` cancels the retrieval and is passed on. Rejects with StenographerError.
   */
  async forEachPiece(read: (piece: Uint8Array) => unknown): Promise<FetchResult> {
    if (typeof read !== "function") throw optionsInvalid("forEachPiece: pass a function");
    const retrieval = this.take("forEachPiece()").lending();
    for await (const piece of retrieval) await read(piece);
    return retrieval.result;
  }

  /** The answer's packets, one after the other; `data` is a copy. Throws StenographerError. */
  records(): AsyncIterable<PacketRecord> {
    return derive(this.take("records()").lending(), readRecords);
  }

  /** The answer's bytes as a web stream. Nothing is fetched ahead of the reader; `cancel()` cancels the retrieval. */
  toWebStream(): ReadableStream<Uint8Array> {
    const retrieval = this.take("toWebStream()");
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const next = await retrieval.next();
          if (next.done) controller.close();
          else controller.enqueue(next.value);
        },
        async cancel() {
          await retrieval.return();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Cancels the retrieval, if it has not ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#retrieval.return();
  }

  /**
   * Hands the answer to its one reader.
   *
   * @throws StenographerError `FETCH_ALREADY_USED`
   * @internal
   */
  protected take(use: string): Retrieval {
    if (this.#use !== undefined) {
      throw new StenographerError(
        `this fetch is already being read (${this.#use}) and can be read only once; call fetchPcap again for ${use}`,
        { code: "failed_precondition", reason: "FETCH_ALREADY_USED", uid: this.uid },
      );
    }
    this.#use = use;
    return this.#retrieval;
  }

  async #readForSummary(): Promise<void> {
    if (this.#use !== undefined) return;
    const retrieval = this.take("its summary alone, since nothing else read it in that turn")
      .lending()
      .beginningAnew();
    try {
      while (!(await retrieval.next()).done);
    } catch {
      // The summary rejects with it.
    }
  }
}

async function* readRecords(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<PacketRecord, void, undefined> {
  const capture = await decodeCapture(pieces);
  yield* records(capture.batches);
}
