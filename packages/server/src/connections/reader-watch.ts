import { createContextKey, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import type { StenoRequest } from "@stenogrpc/protocol";
import { RequestError } from "../request-error.js";
import { toConnectError } from "../to-connect-error.js";
import { type Line, lineKey } from "./line.js";

/** How whoever writes messages says that the reader has taken so many bytes. */
export const tookKey = createContextKey<(bytes: number) => void>(() => {}, {
  description: "the reader took",
});

/** Less than this is no sign that a reader is at work: one byte now and then would keep its place for hours. */
const leastTakenBytes = 65_536;

/**
 * Ends a retrieval whose reader takes no message, and no 64 KiB of one, for so long: its place and its source are free at once, and its
 * stream is reset. The reader can't be told why, since everything that could be said waits behind what it does not take; the log says it.
 */
export function watchStreamReader<T>(
  handler: (request: StenoRequest, context: HandlerContext) => AsyncIterable<T>,
  idleTimeoutMs: number,
): (request: StenoRequest, context: HandlerContext) => AsyncGenerator<T> {
  return async function* (request, context) {
    const line = context.values.get(lineKey);
    const work = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => {
      clearTimeout(timer);
      timer = undefined;
    };
    let taken = 0;
    context.values.set(tookKey, (bytes) => {
      taken += bytes;
      if (taken < leastTakenBytes) return;
      taken = 0;
      timer?.refresh();
    });
    const onAbort = (): void => {
      stop();
      work.abort(context.signal.reason);
    };
    context.signal.addEventListener("abort", onAbort, { once: true });
    if (context.signal.aborted) onAbort();
    const giveUp = (): void => {
      stop();
      const seconds = idleTimeoutMs / 1000;
      work.abort(toConnectError(new RequestError("reader-idle", `the client took nothing for ${seconds} s`)));
      line?.hangUp();
    };
    try {
      for await (const message of handler(request, { ...context, signal: work.signal })) {
        taken = 0;
        timer = setTimeout(giveUp, idleTimeoutMs);
        yield message;
        stop();
      }
    } finally {
      stop();
      context.signal.removeEventListener("abort", onAbort);
      hangUpLater(line, idleTimeoutMs);
    }
  };
}

/** The same for what is answered in one message: its stream is reset where nobody takes it. */
export function watchUnaryReader(idleTimeoutMs: number): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } finally {
      if (!request.stream) hangUpLater(request.contextValues.get(lineKey), idleTimeoutMs);
    }
  };
}

/** For the last bytes, which wait in the stream when their handler has long ended. */
function hangUpLater(line: Line | undefined, idleTimeoutMs: number): void {
  if (line === undefined) return;
  const timer = setTimeout(() => line.hangUp(), idleTimeoutMs).unref();
  line.onClose(() => clearTimeout(timer));
}
