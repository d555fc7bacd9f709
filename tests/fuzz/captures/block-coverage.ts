import { Session } from "node:inspector";

/** Which blocks of our code run: V8's own precise coverage, so that a fuzzer can keep what reached something new. */
export interface BlockCoverage {
  /** The blocks that have run since the last call. */
  take(): string[];
  close(): void;
}

/** @param folder only scripts whose URL has this in it count */
export function startBlockCoverage(folder: string): BlockCoverage {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return {
    take() {
      let blocks: string[] = [];
      // Answered before `post` returns: the session is with this very thread.
      session.post("Profiler.takePreciseCoverage", (error, { result }) => {
        if (error) throw error;
        blocks = result
          .filter(({ url }) => url.includes(folder))
          .flatMap(({ url, functions }) =>
            functions.flatMap(({ ranges }) => ranges.map((range) => ({ url, ...range }))),
          )
          .filter(({ count }) => count > 0)
          .map(({ url, startOffset, endOffset }) => `${url}:${startOffset}-${endOffset}`);
      });
      return blocks;
    },
    close: () => session.disconnect(),
  };
}
