import { type Capture, match, pipe, records, type TimeWindow, timeWindow } from "@stenogrpc/pcap";
import { compileFilter, parseFilter } from "@stenogrpc/query";
import type { StenographerStore } from "@stenogrpc/stenographer-files";
import type { PlainPacket } from "@stenogrpc/testkit";

/** What the store gives for a filter and a window, made exact as the server does. */
export async function askStore(
  store: StenographerStore,
  filter: string | undefined,
  window: TimeWindow,
): Promise<PlainPacket[]> {
  const node = filter === undefined ? undefined : parseFilter(filter);
  const answer = await store.query({
    window,
    filter: node,
    resolution: "microseconds",
    signal: new AbortController().signal,
  });
  const exact = pipe(
    answer.batches,
    timeWindow(window),
    node === undefined
      ? (batches: Capture["batches"]) => batches
      : match(compileFilter(node, { linkType: 1 })),
  );
  const packets: PlainPacket[] = [];
  for await (const { timestampNs, originalLength, data } of records(exact)) {
    packets.push({ timestampNs, originalLength, data: Buffer.from(data) });
  }
  if (answer.damageCount.total > 0) throw new Error(`damaged: ${answer.damage[0]?.what}`);
  return packets;
}
