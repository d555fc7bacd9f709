// A network of some distance, in a process of its own: prints {port}, and passes bytes on to another port after a delay.

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

export interface DelayOptions {
  /** Where bytes go. */
  readonly target: number;
  /** Each way. */
  readonly delayMs: number;
  /** What the link carries each way; without it, all that comes. */
  readonly megabitsPerSecond?: number;
}

const {
  target,
  delayMs,
  megabitsPerSecond = Number.POSITIVE_INFINITY,
} = JSON.parse(process.argv[2] ?? "") as DelayOptions; // written by a suite
const bytesPerMs = megabitsPerSecond * 125;
/** What may be under way in one direction: what fits into the link and 10 ms of queue before it. */
const linkBytes = Math.min(64 * 1024 * 1024, bytesPerMs * (delayMs + 10));

/** Passes bytes on after the delay, and holds the sender back where the link is full. */
function delayed(from: Socket, to: Socket): void {
  const underWay: { readonly dueMs: number; readonly bytes: Buffer }[] = [];
  let bytesUnderWay = 0;
  let timer: NodeJS.Timeout | undefined;
  /** When the link has taken in all that came. */
  let freeMs = 0;
  const deliver = (): void => {
    timer = undefined;
    const nowMs = performance.now();
    for (let next = underWay[0]; next !== undefined && next.dueMs <= nowMs; next = underWay[0]) {
      underWay.shift();
      to.write(next.bytes, () => {
        bytesUnderWay -= next.bytes.length;
        if (bytesUnderWay < linkBytes) from.resume();
      });
    }
    wait();
  };
  const wait = (): void => {
    const next = underWay[0];
    if (next === undefined || timer !== undefined) return;
    timer = setTimeout(deliver, Math.max(0, next.dueMs - performance.now()));
  };
  from.on("data", (bytes: Buffer) => {
    freeMs = Math.max(freeMs, performance.now()) + bytes.length / bytesPerMs;
    underWay.push({ dueMs: freeMs + delayMs, bytes });
    bytesUnderWay += bytes.length;
    if (bytesUnderWay >= linkBytes) from.pause();
    wait();
  });
  from.once("end", () => setTimeout(() => to.end(), delayMs + 1));
  from.on("error", () => to.destroy());
  from.once("close", () => setTimeout(() => to.destroy(), delayMs * 2));
}

const server = createServer((client) => {
  const upstream = connect(target, "127.0.0.1");
  client.setNoDelay();
  upstream.setNoDelay();
  delayed(client, upstream);
  delayed(upstream, client);
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })); // it listens on TCP
});
process.once("SIGTERM", () => {
  console.log("{}");
  process.exit();
});
