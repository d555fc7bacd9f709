import type { AnswerCounts } from "../verified-answer.js";

/** How far a retrieval is. */
export interface FetchProgress {
  /** Packets that have come. */
  readonly packets: number;
  /** Bytes of pcap that have come, file header included. */
  readonly bytes: number;
  /** Milliseconds since the first pull. */
  readonly elapsedMs: number;
}

const leastIntervalMs = 100;

/** Reports counts to a callback, at most ten times a second and once at the end. */
export function reportProgress(onProgress: (progress: FetchProgress) => void, counts: () => AnswerCounts) {
  const startedAtMs = performance.now();
  let reportedAtMs = startedAtMs;

  function report(nowMs: number): void {
    reportedAtMs = nowMs;
    const { packets, pcapBytes } = counts();
    onProgress({ packets, bytes: pcapBytes, elapsedMs: nowMs - startedAtMs });
  }

  return {
    /** Passes the pieces on, reporting as they go, and at their end: what is made of them is not done until they are. */
    async *over(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        const nowMs = performance.now();
        if (nowMs - reportedAtMs >= leastIntervalMs) report(nowMs);
        yield piece;
      }
      report(performance.now());
    },
  };
}
