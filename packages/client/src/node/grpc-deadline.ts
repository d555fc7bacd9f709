import type { Interceptor } from "@connectrpc/connect";

const name = "grpc-timeout";

/**
 * Writes a call's deadline in the eight digits that gRPC has for it: connect writes each in milliseconds, and servers refuse one
 * beyond 27 hours so. In whole seconds, cut off: rounded up, the longest would be more than timers of a server in Node can hold.
 */
export function shortenDeadline(headers: Headers): void {
  const milliseconds = /^(\d{9,})m$/.exec(headers.get(name) ?? "")?.[1];
  if (milliseconds !== undefined) headers.set(name, `${Math.floor(Number(milliseconds) / 1000)}S`);
}

/** The same for a transport's calls. */
export const shortDeadlines: Interceptor = (next) => (request) => {
  shortenDeadline(request.header);
  return next(request);
};
