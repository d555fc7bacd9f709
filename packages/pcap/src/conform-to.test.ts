import { describe, expect, it } from "vitest";
import { batchesOf } from "../test-support/batches.js";
import { collectBytes, collectRecords } from "../test-support/feed.js";
import { concat } from "../test-support/layout.js";
import { type CaptureHeader, chunked, conformTo, PcapWriter, pipe } from "./index.js";

const formats = (["little", "big"] as const).flatMap((byteOrder) =>
  (["microseconds", "nanoseconds"] as const).map((resolution) => ({ byteOrder, resolution })),
);
const pairs = formats.flatMap((from) => formats.map((to) => ({ from, to })));
const packet = { timestampNs: 1_700_000_000_123_456_000n, size: 70 };
const rest: Omit<CaptureHeader, "byteOrder" | "resolution"> = { snaplen: 0, linkType: 1 };

describe("conformTo", () => {
  it.each(pairs)(
    "turns $from.byteOrder $from.resolution into $to.byteOrder $to.resolution",
    async ({ from, to }) => {
      const target = { ...rest, ...to };
      const source = new PcapWriter({ ...rest, ...from });
      const { batches } = batchesOf(source, [packet, packet], [packet]);
      const result = await collectBytes(pipe(batches, conformTo(target), chunked(target, 1000)));
      const writer = new PcapWriter(target);
      const record = writer.record({ timestampNs: packet.timestampNs, data: new Uint8Array(70).fill(70) });
      expect(result).toEqual(concat(writer.header(), record, record, record));
    },
  );

  it("cuts nanoseconds off", async () => {
    const nanoseconds = new PcapWriter({ ...rest, byteOrder: "big", resolution: "nanoseconds" });
    const { batches } = batchesOf(nanoseconds, [{ timestampNs: 1_999_999_999n, size: 1 }]);
    const stage = conformTo({ ...rest, byteOrder: "little", resolution: "microseconds" });
    expect(await collectRecords(stage(batches))).toMatchObject([{ timestampNs: 1_999_999_000n }]);
  });

  it("rewrites records where they are, where the bytes are no one else's", async () => {
    const nanoseconds = new PcapWriter({ ...rest, byteOrder: "big", resolution: "nanoseconds" });
    const { batches } = batchesOf(nanoseconds, [{ timestampNs: 1_999_999_999n, size: 1 }]);
    const seen: Uint8Array[] = [];
    async function* watched() {
      for await (const batch of batches) {
        seen.push(batch.bytes);
        yield batch;
      }
    }
    const stage = conformTo({ ...rest, byteOrder: "little", resolution: "microseconds" }, { inPlace: true });
    const passed: Uint8Array[] = [];
    for await (const batch of stage(watched())) passed.push(batch.bytes);
    expect(passed).toHaveLength(1);
    expect(passed[0]).toBe(seen[0]);
    expect(Array.from((passed[0] ?? []).slice(0, 8))).toEqual([1, 0, 0, 0, 0x3f, 0x42, 0x0f, 0]); // 999 999 µs
  });

  it("passes what is so already uncopied, whatever its snaplen", async () => {
    const header: CaptureHeader = { ...rest, byteOrder: "little", resolution: "microseconds" };
    const { batches } = batchesOf(new PcapWriter(header), [packet]);
    const seen: ArrayBufferLike[] = [];
    const passed: ArrayBufferLike[] = [];
    async function* watched() {
      for await (const batch of batches) {
        seen.push(batch.bytes.buffer);
        yield batch;
      }
    }
    for await (const batch of conformTo({ ...header, snaplen: 65_535 })(watched()))
      passed.push(batch.bytes.buffer);
    expect(passed).toHaveLength(1);
    expect(passed[0]).toBe(seen[0]);
  });

  it("refuses another link type by name, and closes what it reads", async () => {
    const raw = new PcapWriter({ ...rest, byteOrder: "little", resolution: "microseconds", linkType: 101 });
    const { batches, seen } = batchesOf(raw, [packet]);
    const stage = conformTo({ ...rest, byteOrder: "little", resolution: "microseconds" });
    await expect(collectRecords(stage(batches))).rejects.toMatchObject({
      kind: "mixed-link-types",
      message: "packets of raw IP (101) cannot go into a capture of Ethernet (1)",
    });
    expect(seen.closed).toBe(1);
  });
});
