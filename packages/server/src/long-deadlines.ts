import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { parseTimeout as parseConnectTimeout } from "@connectrpc/connect/protocol-connect";
import { parseTimeout as parseGrpcTimeout } from "@connectrpc/connect/protocol-grpc";
import { longestTimerMs } from "./longest-timer.js";

/** Each protocol's deadline: its header, how it is read, and the longest that a timer can hold, as the header says it. */
const deadlines = [
  { header: "grpc-timeout", parse: parseGrpcTimeout, longest: `${Math.floor(longestTimerMs / 1000)}S` },
  { header: "connect-timeout-ms", parse: parseConnectTimeout, longest: String(longestTimerMs) },
];

/**
 * The same handler, for which a deadline that no timer can hold (gRPC's go up to 11 000 years) is the longest that one can.
 *
 * Connect gives deadlines to setTimeout as they come, so these would have passed at once. Its `maxTimeoutMs` would refuse them.
 */
export function withLongDeadlines(handler: UniversalHandler): UniversalHandler {
  const answer = (request: UniversalServerRequest) => {
    shortenDeadline(request.header);
    return handler(request);
  };
  return Object.assign(answer, handler);
}

function shortenDeadline(headers: Headers): void {
  for (const { header, parse, longest } of deadlines) {
    const { timeoutMs = 0 } = parse(headers.get(header), Number.MAX_SAFE_INTEGER);
    if (timeoutMs > longestTimerMs) headers.set(header, longest);
  }
}
