import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { collectBytes, collectRecords, cutAt, decodeAll, streamOf } from "../test-support/feed.js";
import {
  type CaptureHeader,
  captureHeaderBytes,
  chunked,
  conformTo,
  createTally,
  decodeCapture,
  type MergeInput,
  match,
  mergeByTime,
  pipe,
  tally,
  timeWindow,
  verify,
} from "./index.js";

// The numbers here are what tcpdump 4.99.3, and tshark, editcap and mergecap 4.0.17 say about the files.

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../fixtures/${name}`, import.meta.url)));
}

/** A file in chunks of an odd size, so that most records straddle two of them. */
function chunksOf(name: string, size = 97): Uint8Array[] {
  const bytes = fixture(name);
  return cutAt(
    bytes,
    ...Array.from({ length: Math.ceil(bytes.length / size) - 1 }, (_, i) => (i + 1) * size),
  );
}

async function open(name: string) {
  return decodeCapture(streamOf(chunksOf(name)).stream);
}

/** What `editcap -F nsecpcap` writes after the file header: records little-endian with nanoseconds. */
const asNanoseconds: CaptureHeader = {
  byteOrder: "little",
  resolution: "nanoseconds",
  snaplen: 262_144,
  linkType: 1,
};

async function sha256OfRecords(name: string): Promise<string> {
  const { batches } = await open(name);
  const file = await collectBytes(
    pipe(batches, verify(), conformTo(asNanoseconds), chunked(asNanoseconds, 1000)),
  );
  return sha256(file.subarray(captureHeaderBytes));
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const recordsOf = (name: string) => decodeAll(chunksOf(name));
const times = (name: string) => recordsOf(name).records.map(({ timestampNs }) => timestampNs);

describe("smtp.pcap", () => {
  it("has 60 packets of 26866 bytes in 9.198384 seconds", async () => {
    const totals = createTally();
    const capture = await open("smtp.pcap");
    expect(capture.header).toEqual({
      byteOrder: "little",
      resolution: "microseconds",
      snaplen: 65_535,
      linkType: 1,
    });
    await collectRecords(pipe(capture.batches, verify(), tally(totals)));
    expect(totals).toEqual({
      packets: 60,
      recordBytes: 26_866 + 60 * 16,
      firstNs: 1_254_722_767_492_060_000n,
      lastNs: 1_254_722_776_690_444_000n,
    });
  });

  it("comes out of decoding and writing as it went in", async () => {
    const { header, batches } = await open("smtp.pcap");
    const written = await collectBytes(chunked(header, 4096)(batches));
    expect(sha256(written)).toBe(sha256(fixture("smtp.pcap")));
  });

  it("has 13 packets from 06:06:08.219663 to before 06:06:10, and 20 of 200 bytes or more", async () => {
    const window = { startNs: 1_254_722_768_219_663_000n, endNs: 1_254_722_770_000_000_000n };
    const inWindow = await collectRecords(timeWindow(window)((await open("smtp.pcap")).batches));
    expect(inWindow).toHaveLength(13);
    const long = match((_bytes, _at, _captured, length) => length >= 200);
    expect(await collectRecords(long((await open("smtp.pcap")).batches))).toHaveLength(20);
  });

  it("converts to nanoseconds as editcap does it", async () => {
    expect(await sha256OfRecords("smtp.pcap")).toBe(
      "d81d3cc6175be81b2a53b0336829b469c3caed7578932d1ba2ab0cb1ba0400d2",
    );
  });
});

describe("be.pcap", () => {
  it("is big-endian, with 5 packets in 1970, the first one captured in part", () => {
    const { header, records, error } = recordsOf("be.pcap");
    expect({ header, error }).toEqual({
      header: { byteOrder: "big", resolution: "microseconds", snaplen: 9216, linkType: 1 },
      error: undefined,
    });
    expect(
      records.map((record) => [record.timestampNs, record.capturedLength, record.originalLength]),
    ).toEqual([
      [3_064_714_590_000n, 42, 60],
      [3_064_714_654_000n, 60, 60],
      [3_064_737_944_000n, 87, 87],
      [3_064_896_798_000n, 86, 86],
      [3_064_896_929_000n, 87, 87],
    ]);
  });

  it("converts to little-endian nanoseconds as editcap does it", async () => {
    expect(await sha256OfRecords("be.pcap")).toBe(
      "552a36187ded4f3806feaad8fbc42e5d3dde251c560b101516754fbae7fc8d7e",
    );
  });
});

it("malformed.pcap is refused by its first bytes", () => {
  expect(recordsOf("malformed.pcap").error).toMatchObject({
    kind: "unknown-format",
    message: "not a capture: it starts with 74 68 69 73 (neither pcap nor pcapng)",
  });
});

describe("smtp-two-interfaces.pcapng", () => {
  it("has 15 packets, the last five from a second interface", () => {
    expect(times("smtp-two-interfaces.pcapng").map(String)).toEqual([
      "1254722767492060000",
      "1254722767526085000",
      "1254722767529046000",
      "1254722767875996000",
      "1254722767876028000",
      "1254722768219663000",
      "1254722768224809000",
      "1254722768565386000",
      "1254722768566183000",
      "1254722768568729000",
      "1254727768911081000",
      "1254727768911655000",
      "1254727769253544000",
      "1254727769254118000",
      "1254727769613798000",
    ]);
  });

  it("converts as editcap does it", async () => {
    expect(await sha256OfRecords("smtp-two-interfaces.pcapng")).toBe(
      "39e50a24e26d8737c5049cb6a621a6d8ba93af06fe07184fe5207fd5d43d8f25",
    );
  });
});

describe("two-sections.pcapng", () => {
  it("has 10 packets in its first and 5 in its second section", () => {
    const all = times("two-sections.pcapng");
    expect(all).toHaveLength(15);
    expect(all[9]).toBe(1_254_722_768_568_729_000n);
    expect(all[10]).toBe(3_064_714_590_000n);
  });

  it("converts as editcap does it", async () => {
    expect(await sha256OfRecords("two-sections.pcapng")).toBe(
      "8295f74a1fa77d8622270e50fc519d7083d1c56deb212eb63e7aa8dc8d2f3aae",
    );
  });
});

describe("smtp-comment-cut.pcapng", () => {
  it("has 10 packets cut to 60 bytes, one with a comment", () => {
    const { records, error } = recordsOf("smtp-comment-cut.pcapng");
    expect(error).toBeUndefined();
    expect(records.map((record) => `${record.capturedLength}/${record.originalLength}`).join(" ")).toBe(
      "60/76 60/142 60/62 60/62 54/54 60/235 60/63 60/60 60/191 60/66",
    );
  });

  it("converts as editcap does it", async () => {
    expect(await sha256OfRecords("smtp-comment-cut.pcapng")).toBe(
      "67894377d6ad6cbf685859c75c2f62c6f23e66e34caa503d51912a253f684c66",
    );
  });
});

it("mixed-link-types.pcapng is refused by name, as tcpdump refuses it, with its first packet of another link type", () => {
  // Its first packets are those of the second interface.
  expect(recordsOf("mixed-link-types.pcapng")).toMatchObject({
    records: Array.from({ length: 5 }, () => ({ linkType: 228 })),
    error: {
      kind: "mixed-link-types",
      message: expect.stringMatching(
        /^packet at byte \d+ is Ethernet \(1\) in a capture of raw IPv4 \(228\)$/,
      ),
    },
  });
});

it("smtp.pcap and be.pcap merge as mergecap does it", async () => {
  const header: CaptureHeader = { ...asNanoseconds, resolution: "microseconds" };
  const input = (name: string): MergeInput => ({ open: () => open(name) });
  const merged = mergeByTime(header, [input("smtp.pcap"), input("be.pcap")]);
  const file = await collectBytes(chunked(header, 4096)(merged));
  expect(sha256(file.subarray(captureHeaderBytes))).toBe(
    "11ea1dfad3fdbc413e7e854b29d2d2c50a7fd7bdb124d673290eb92bdbec8062",
  );
});
