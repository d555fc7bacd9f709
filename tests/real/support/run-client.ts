/**
 * A client in a process of its own. Takes its settings as JSON in the first argument and prints one line of JSON when it
 * has ended: the result with the peak of its memory, or how it failed. Prints `{"chunk":N}` for the first bytes.
 */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { createStenographerClient, StenographerError } from "@stenogrpc/client/node";

interface Settings {
  readonly server: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly fromNs: string;
  readonly toNs: string;
  readonly filter?: string;
  /** Where to save the packets; without it they are read and dropped. */
  readonly output?: string;
  /** The most bytes a second to take, for as long as `forMs`; then the fetch is left. */
  readonly slow?: { readonly bytesPerSecond: number; readonly forMs: number };
  /** Take the first piece and no more, until SIGUSR2 aborts the fetch. */
  readonly hang?: boolean;
}

const settings: Settings = JSON.parse(process.argv[2] ?? "{}"); // written by start-client.ts
const print = (value: object): void => {
  const plain = (_: string, each: unknown) => (typeof each === "bigint" ? String(each) : each);
  process.stdout.write(`${JSON.stringify(value, plain)}\n`);
};

const leaving = new AbortController();
const client = createStenographerClient({ server: settings.server, tls: settings.tls });
const fetch = client.fetchPcap({
  from: BigInt(settings.fromNs),
  to: BigInt(settings.toNs),
  filter: settings.filter,
  dialect: "stenographer",
  signal: leaving.signal,
});
try {
  if (settings.output !== undefined) print({ result: await fetch.toFile(settings.output), peak: peak() });
  else if (settings.hang) await takeFirst();
  else if (settings.slow) print({ bytes: await readSlowly(settings.slow), peak: peak() });
  else {
    for await (const _ of fetch);
    print({ result: await fetch.summary, peak: peak() });
  }
} catch (error) {
  const { code, reason, message } =
    error instanceof StenographerError ? error : { code: "", reason: "", message: String(error) };
  print({ failure: { code, reason, message } });
}
await client.close();
// A process that stays tells the test which sockets and files are left.
if (settings.hang) process.stdin.resume();

async function takeFirst(): Promise<void> {
  const aborted = new Promise<void>((resolve) => process.once("SIGUSR2", resolve));
  for await (const chunk of fetch) {
    print({ chunk: chunk.length });
    await aborted;
    leaving.abort();
  }
}

async function readSlowly({
  bytesPerSecond,
  forMs,
}: {
  bytesPerSecond: number;
  forMs: number;
}): Promise<number> {
  const started = performance.now();
  let bytes = 0;
  for await (const chunk of fetch) {
    bytes += chunk.length;
    const elapsedMs = performance.now() - started;
    if (elapsedMs >= forMs) break;
    await pause(Math.max(0, (bytes / bytesPerSecond) * 1000 - elapsedMs));
  }
  return bytes;
}

/** The most memory this process has had resident, in bytes: VmHWM of proc(5). */
function peak(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}
