/** When a request was on its way, by this client's clock, and what the server's clock said meanwhile; milliseconds since the epoch. */
export interface ClockReadings {
  readonly requestedMs: number;
  readonly endedMs: number;
  readonly serverMs: number;
}

/** How far the server's clock is ahead of this client's, at least, in milliseconds; negative: behind; 0: no difference can be seen. */
export function clockSkewMs({ requestedMs, endedMs, serverMs }: ClockReadings): number {
  if (serverMs < requestedMs) return serverMs - requestedMs;
  return serverMs > endedMs ? serverMs - endedMs : 0;
}

const mostSkewMs = 5000;
/** A window that ends so shortly before its request was probably meant to end now. */
const justNowMs = 60_000;

/** What a difference of the clocks may have cost an answer, in words; none where its request did not depend on the time. */
export function skewTexts(
  skewMs: number | undefined,
  { window, filter }: { readonly window: { readonly endNs: bigint }; readonly filter: string },
  requestedMs: number,
): string[] {
  if (skewMs === undefined || Math.abs(skewMs) <= mostSkewMs) return [];
  const endMs = Number(window.endNs / 1_000_000n);
  const dependsOnNow =
    endMs >= requestedMs - justNowMs || endMs > requestedMs + skewMs || /\bago\b/.test(filter);
  if (!dependsOnNow) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return [
    `the server's clock is ${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} this client's: times that count from now are off by as much`,
  ];
}
