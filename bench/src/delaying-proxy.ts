// A network of some distance, in a process of its own: prints {port}, and passes bytes on to another port after a delay.

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

export interface DelayOptions {
  /** Where bytes go. */
  readonly target: number;
  /** Each way. */
  readonly delayMs: number;
}

const { target, delayMs } = JSON.parse(process.argv[2] ?? "") as DelayOptions; // written by a suite
/** What may be under way in one direction: a link that is fatter than anything it carries here. */
const linkBytes = 64 * 1024 * 1024;

/** Passes bytes on after the delay, and holds the sender back where the link is full. */
function delayed(from: Socket, to: Socket): void {
  const underWay: { readonly dueMs: number; readonly bytes: Buffer }[] = [];
  let bytesUnderWay = 0;
  let timer: NodeJS.Timeout | undefined;
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
    underWay.push({ dueMs: performance.now() + delayMs, bytes });
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
