import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchesOf, type TestPacket } from "../test-support/batches.js";
import { classic } from "../test-support/classic.js";
import { collect, collectBytes, collectRecords, cutAt, decodeAll, streamOf } from "../test-support/feed.js";
import { concat } from "../test-support/layout.js";
import { blocks } from "../test-support/pcapng.js";
import {
  CaptureDecoder,
  CaptureError,
  type CaptureHeader,
  chunked,
  decodeCapture,
  type LimitVerdict,
  limit,
  mergeByTime,
  PcapngWriter,
  PcapWriter,
  pipe,
  timeWindow,
} from "./index.js";

const second = 1_000_000_000n;
const byteOrders = fc.constantFrom("little" as const, "big" as const);
const headers: fc.Arbitrary<CaptureHeader> = fc.record({
  byteOrder: byteOrders,
  resolution: fc.constantFrom("microseconds" as const, "nanoseconds" as const),
  snaplen: fc.constant(0),
  linkType: fc.nat(0xffff),
});
const packets = fc.array(
  fc.record({
    timestampNs: fc.bigInt(0n, 0xffff_ffffn * second),
    data: fc.uint8Array({ maxLength: 120 }),
    lost: fc.nat(2000),
  }),
  { maxLength: 12 },
);

/** Cuts `bytes` at places given as fractions. */
function cutAtFractions(bytes: Uint8Array, fractions: readonly number[]): Uint8Array[] {
  const places = fractions.map((fraction) => Math.floor(fraction * bytes.length));
  return cutAt(bytes, ...places.sort((a, b) => a - b));
}
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });

describe("writing and decoding", () => {
  it("gives back every packet of a pcap, however it is cut into chunks", () => {
    fc.assert(
      fc.property(headers, packets, cuts, (header, given, fractions) => {
        const writer = new PcapWriter(header);
        const file = concat(
          writer.header(),
          ...given.map((packet) =>
            writer.record({ ...packet, originalLength: packet.data.length + packet.lost }),
          ),
        );
        const unit = header.resolution === "nanoseconds" ? 1n : 1000n;
        expect(decodeAll(cutAtFractions(file, fractions))).toEqual({
          header,
          records: given.map(({ timestampNs, data, lost }) => ({
            timestampNs: timestampNs - (timestampNs % unit),
            capturedLength: data.length,
            originalLength: data.length + lost,
            linkType: header.linkType,
            data,
          })),
          error: undefined,
        });
      }),
    );
  });

  it("gives back every packet of a pcapng, however it is cut into chunks", () => {
    const comments = fc.option(fc.string({ maxLength: 20 }), { nil: undefined });
    fc.assert(
      fc.property(
        byteOrders,
        fc.nat(0xffff),
        comments,
        packets,
        cuts,
        (byteOrder, linkType, comment, given, fractions) => {
          const writer = new PcapngWriter({ linkType, byteOrder, comment });
          const file = concat(
            writer.header(),
            ...given.map((packet) =>
              writer.record({ ...packet, originalLength: packet.data.length + packet.lost, comment }),
            ),
          );
          expect(decodeAll(cutAtFractions(file, fractions))).toEqual({
            header: { byteOrder: "little", resolution: "nanoseconds", snaplen: 262_144, linkType },
            records: given.map(({ timestampNs, data, lost }) => ({
              timestampNs,
              capturedLength: data.length,
              originalLength: data.length + lost,
              linkType,
              data,
            })),
            error: undefined,
          });
        },
      ),
    );
  });
});

describe("hostile bytes", () => {
  const sample = { seconds: 1, fraction: 2, data: new Uint8Array(40).fill(7) };
  const {
    section,
    interface: description,
    enhanced,
    packet,
    block,
    comment,
    resolution,
    endOfOptions,
  } = blocks("little");
  const bigEndian = blocks("big");
  const seeds = [
    classic([sample, sample, sample]),
    classic([sample, sample], { byteOrder: "big", magic: 0xa1b23c4d }),
    concat(
      section(0, comment("seed"), endOfOptions),
      description(1, 64, resolution(9), endOfOptions),
      enhanced(0, 5n, sample.data, 90, comment("p"), endOfOptions),
      block(0x99, new Uint8Array(12)),
      packet(0, 6n, sample.data),
      bigEndian.section(),
      bigEndian.interface(1, 0, bigEndian.resolution(0x8a), bigEndian.endOfOptions),
      bigEndian.simple(sample.data),
      bigEndian.enhanced(0, 7n, sample.data),
    ),
  ];

  const magics = fc.constantFrom(...seeds.map((seed) => seed.slice(0, 12)));
  const random = fc
    .tuple(magics, fc.uint8Array({ maxLength: 400 }))
    .map(([magic, rest]) => concat(magic, rest));
  const interesting = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff);
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(
        fc.tuple(
          fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
          fc.oneof(interesting, fc.nat(255)),
        ),
        {
          maxLength: 8,
        },
      ),
      fc.double({ min: 0, max: 1, noNaN: true }),
    )
    .map(([seed, changes, length]) => {
      const bytes = seed.slice();
      for (const [place, value] of changes) bytes[Math.floor(place * bytes.length)] = value;
      // Half of them whole, the others cut.
      return length < 0.5 ? bytes : bytes.slice(0, Math.floor((length - 0.5) * 2 * bytes.length));
    });

  it.each([
    ["random", random],
    ["mutated", mutated],
  ])("that are %s give records or a CaptureError, the same however they are cut", (_name, bytes) => {
    fc.assert(
      fc.property(bytes, cuts, (given, fractions) => {
        const whole = decodeAll([given]);
        const { error } = whole;
        if (error !== undefined) {
          expect(error).toBeInstanceOf(CaptureError);
          const { byteOffset } = error as CaptureError; // just asserted
          expect(byteOffset).toBeGreaterThanOrEqual(0);
          expect(byteOffset).toBeLessThanOrEqual(given.length);
        }
        expect(decodeAll(cutAtFractions(given, fractions))).toEqual(whole);
        const eachByte = Array.from({ length: Math.max(0, given.length - 1) }, (_, i) => i + 1);
        expect(decodeAll(cutAt(given, ...eachByte))).toEqual(whole);
      }),
      { numRuns: 1500 },
    );
  });

  it("allocate no more than they are", () => {
    fc.assert(
      fc.property(mutated, (given) => {
        const before = process.memoryUsage().arrayBuffers;
        const decoders = Array.from({ length: 20 }, () => new CaptureDecoder());
        for (const decoder of decoders) {
          try {
            decoder.push(given);
          } catch (error) {
            expect(error).toBeInstanceOf(CaptureError);
          }
        }
        // 20 decoders, each with its table of offsets, the bytes themselves and a carried tail; 16 KiB would be generous.
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(decoders.length * 32 * 1024);
      }),
      { numRuns: 200 },
    );
  });

  it("do not grow memory with the length of the stream", () => {
    const decoder = new CaptureDecoder();
    const record = classic([{ seconds: 1, fraction: 2, data: new Uint8Array(1000) }]).slice(24);
    decoder.push(classic([]));
    const chunk = concat(...Array.from({ length: 64 }, () => record)).slice(0, 64_999); // records straddle chunks
    const before = process.memoryUsage().arrayBuffers;
    let total = 0;
    const phase = concat(chunk, chunk);
    for (let i = 0; i < 2000; i++) {
      const from = total % record.length;
      for (const batch of decoder.push(phase.subarray(from, from + 60_000)))
        expect(batch.count).toBeGreaterThan(0);
      total += 60_000;
    }
    expect(total).toBe(120_000_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });
});

describe("stages together", () => {
  const header: CaptureHeader = { byteOrder: "little", resolution: "nanoseconds", snaplen: 0, linkType: 1 };
  const writer = new PcapWriter(header);
  // Few different times, so that bounds are often hit exactly.
  const times = fc.nat(12).map((n) => BigInt(n) * 400_000_000n);
  const someChunks = fc.array(
    fc.array(fc.record({ timestampNs: times, data: fc.uint8Array({ maxLength: 90 }) }), { maxLength: 6 }),
    { maxLength: 5 },
  );

  it("window, limit and chunks equal a naive reference, and every prefix of the chunks is a valid pcap", async () => {
    const optional = (max: number) => fc.option(fc.nat(max), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        someChunks,
        times,
        times,
        optional(500),
        optional(12),
        fc.integer({ min: 1, max: 300 }),
        async (chunks, startNs, endNs, maxBytes, maxPackets, maxChunkBytes) => {
          const files = chunks.map((list) => concat(...list.map((packet) => writer.record(packet))));
          const capture = await decodeCapture(streamOf([writer.header(), ...files]).stream);
          const verdict: LimitVerdict = { stoppedBy: "nothing" };
          const result = await collect(
            pipe(
              capture.batches,
              timeWindow({ startNs, endNs }),
              limit({ maxBytes, maxPackets }, verdict),
              chunked(header, maxChunkBytes),
            ),
          );

          const inside = chunks
            .flat()
            .filter((packet) => packet.timestampNs >= startNs && packet.timestampNs < endNs);
          const kept: Uint8Array[] = [];
          let size = 24;
          let stoppedBy: LimitVerdict["stoppedBy"] = "nothing";
          for (const packet of inside) {
            const record = writer.record(packet);
            if (maxPackets !== undefined && kept.length === maxPackets) stoppedBy = "max-packets";
            else if (maxBytes !== undefined && size + record.length > maxBytes) stoppedBy = "max-bytes";
            if (stoppedBy !== "nothing") break;
            kept.push(record);
            size += record.length;
          }

          expect(concat(...result)).toEqual(concat(writer.header(), ...kept));
          expect(verdict.stoppedBy).toBe(stoppedBy);
          const largest = Math.max(24, ...kept.map((record) => record.length));
          for (const chunk of result)
            expect(chunk.length).toBeLessThanOrEqual(Math.max(maxChunkBytes, largest));
          for (let n = 1; n <= result.length; n++) {
            const prefix = decodeAll([concat(...result.slice(0, n))]);
            expect(prefix.error).toBeUndefined();
            expect(prefix.header).toEqual(header);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("a merge of sorted inputs equals a stable sort, whatever their batches and start times", async () => {
    const input = fc.record({
      times: fc.array(times, { maxLength: 20 }).map((list) => list.sort((a, b) => Number(a - b))),
      perBatch: fc.integer({ min: 1, max: 7 }),
      lazy: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(input, { maxLength: 5 }), fc.boolean(), async (inputs, large) => {
        // The size names the input; 5000 and up when runs are to be long enough to pass uncopied.
        const packetsOf = inputs.map(({ times: list }, index) =>
          list.map((timestampNs): TestPacket => ({ timestampNs, size: index + (large ? 5000 : 1) })),
        );
        const merged = mergeByTime(
          header,
          inputs.map(({ perBatch, lazy }, index) => {
            const all = packetsOf[index] ?? [];
            const chunks = Array.from({ length: Math.ceil(all.length / perBatch) }, (_, i) =>
              all.slice(i * perBatch, (i + 1) * perBatch),
            );
            const first = all[0]?.timestampNs;
            return {
              startsAtNs: lazy ? first : undefined,
              open: async () => ({ header, batches: batchesOf(writer, ...chunks).batches }),
            };
          }),
        );
        const result = (await collectRecords(merged)).map((record) => [
          record.timestampNs,
          record.data.length,
        ]);
        const expected = packetsOf
          .flat()
          .map((packet, place) => ({ ...packet, place }))
          .sort((a, b) => Number(a.timestampNs - b.timestampNs) || a.place - b.place)
          .map((packet) => [packet.timestampNs, packet.size]);
        expect(result).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("a merge written to chunks is a valid pcap with every byte of every packet", async () => {
    await fc.assert(
      fc.asyncProperty(someChunks, someChunks, async (a, b) => {
        const open = (chunks: typeof a) => async () =>
          decodeCapture(
            streamOf([writer.header(), ...chunks.map((list) => concat(...list.map((p) => writer.record(p))))])
              .stream,
          );
        const file = await collectBytes(
          chunked(header, 200)(mergeByTime(header, [{ open: open(a) }, { open: open(b) }])),
        );
        const { records, error } = decodeAll([file]);
        expect(error).toBeUndefined();
        const key = (packet: { timestampNs: bigint; data: Uint8Array }) =>
          `${packet.timestampNs} ${Buffer.from(packet.data).toString("hex")}`;
        expect(records.map(key).sort()).toEqual([...a.flat(), ...b.flat()].map(key).sort());
      }),
    );
  });
});
