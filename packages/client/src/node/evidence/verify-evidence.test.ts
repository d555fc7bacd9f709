import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PcapngWriter } from "@stenogrpc/pcap";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hour, packetsFromNoon, second, type TestCapture } from "../../../test-support/capture.js";
import { planFetch } from "../../fetch-options.js";
import type { FetchResult } from "../../fetch-result.js";
import { describeRetrieval } from "./describe-retrieval.js";
import type { Manifest } from "./manifest.js";
import { verifyEvidence } from "./verify-evidence.js";

const capture = packetsFromNoon(3);
const empty = packetsFromNoon(0);

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-evidence-"));
  file = join(folder, "alert.pcap");
});
afterEach(() => rm(folder, { recursive: true }));

describe("verifyEvidence", () => {
  it("finds nothing wrong with a file that is as its manifest says", async () => {
    const manifest = await write(capture);
    expect(await verifyEvidence(file)).toEqual({
      isGood: true,
      problems: [],
      bytes: capture.bytes.length,
      sha256: sha256(capture.bytes),
      linkType: "Ethernet (1)",
      packets: 3,
      firstPacketNs: capture.timesNs[0],
      lastPacketNs: capture.timesNs[2],
      shortcomings: ["a block fails its check"],
      manifest,
      manifestPath: `${file}.manifest.json`,
    });
  });

  it("does so with an answer without packets, and with one that damage or a limit cut", async () => {
    await write(empty, { verdict: "no-packets" });
    expect(await verifyEvidence(file)).toMatchObject({ isGood: true, packets: 0, firstPacketNs: undefined });
    await write(capture, { verdict: "truncated", stoppedBy: "budget" });
    expect(await verifyEvidence(file)).toMatchObject({ isGood: true });
    await write(capture, { verdict: "incomplete", stoppedBy: "nothing" });
    expect(await verifyEvidence(file)).toMatchObject({
      isGood: true,
      manifest: { result: { verdict: "incomplete" } },
    });
  });

  it("takes a manifest from before they had shortcomings as it did then", async () => {
    const manifest = await write(capture);
    expect(manifest.result).toMatchObject({ covered: "part", recordsBehindVlan: 0 });
    const { shortcomings, covered, recordsBehindVlan, ...before } = manifest.result;
    await writeFile(`${file}.manifest.json`, JSON.stringify({ ...manifest, result: before }));
    expect(await verifyEvidence(file)).toMatchObject({ isGood: true, problems: [], shortcomings: [] });
  });

  it("says what differs", async () => {
    await write(capture);
    await writeFile(file, packetsFromNoon(4, 60, "nanoseconds").bytes);
    const { problems } = await verifyEvidence(file);
    expect(problems.map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
      "differs: size in bytes is 328, the manifest says 252",
      expect.stringMatching(/^differs: SHA-256 is [0-9a-f]{64}, the manifest says [0-9a-f]{64}$/),
      "differs: packets is 4, the manifest says 3",
      "differs: time of the last packet is 2026-07-01T12:00:03.000000003Z, the manifest says 2026-07-01T12:00:02.000000002Z",
    ]);
  });

  it("finds any change of the file's bytes", async () => {
    await write(capture);
    const { bytes } = capture;
    const changed = fc.oneof(
      fc
        .tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
        .map(([at, bits]) => bytes.with(at, (bytes[at] ?? 0) ^ bits)),
      fc.nat(bytes.length - 1).map((end) => bytes.slice(0, end)),
      fc.uint8Array({ minLength: 1 }).map((more) => new Uint8Array([...bytes, ...more])),
      fc.uint8Array(),
    );
    await fc.assert(
      fc.asyncProperty(changed, async (other) => {
        await writeFile(file, other);
        expect((await verifyEvidence(file)).isGood).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, (manifest: Manifest) => unknown, string]>([
    ["no JSON", () => "x", "is not one of version 1"],
    ["another version", (m) => ({ ...m, version: 2 }), "is not one of version 1: version: "],
    [
      "a time that is none",
      (m) => ({
        ...m,
        plan: { ...m.plan, window: { start: "1900-01-01T00:00:00Z", end: m.plan.window.end } },
      }),
      "plan.window.start: is no time that a packet can have",
    ],
    [
      "a window that ends before the packets",
      (m) => ({ ...m, plan: { ...m.plan, window: { ...m.plan.window, end: "2026-07-01T12:00:02Z" } } }),
      "there are packets outside the window 2026-07-01T12:00:00Z to 2026-07-01T12:00:02Z",
    ],
    [
      "a window that is less than was asked for",
      (m) => ({
        ...m,
        request: { ...m.request, window: { ...m.request.window, end: "2026-07-02T00:00:00Z" } },
      }),
      "2026-07-01T12:00:00Z to 2026-07-02T00:00:00Z was asked for",
    ],
    [
      "a verdict without what goes with it",
      (m) => ({ ...m, result: { ...m.result, verdict: "truncated" } }),
      "contradicts itself: verdict truncated, stopped by nothing",
    ],
    [
      "no packets, with packets",
      (m) => ({ ...m, result: { ...m.result, verdict: "no-packets" } }),
      "contradicts itself: verdict no-packets, with 3 packets",
    ],
    [
      "more than was asked for",
      (m) => ({ ...m, request: { ...m.request, maxPackets: 2 } }),
      "contradicts itself: 3 packets, where at most 2 were asked for",
    ],
  ])("finds a manifest with %s", async (_, change, what) => {
    const manifest = await write(capture);
    await writeFile(`${file}.manifest.json`, JSON.stringify(change(manifest)));
    const { isGood, problems } = await verifyEvidence(file);
    expect(isGood).toBe(false);
    expect(problems.map((problem) => problem.what).join("\n")).toContain(what);
  });

  it.each(["microseconds", undefined] as const)(
    "allows for times that were cut to microseconds, where %s were asked for",
    async (timestampResolution) => {
      const micro = packetsFromNoon(3, 60, "microseconds");
      const options = { from: hour.from + 500n, timestampResolution };
      await write(micro, {}, options);
      expect(await verifyEvidence(file)).toMatchObject({ problems: [] });
      await write(micro, {}, { ...options, from: hour.from + 1500n });
      expect(await verifyEvidence(file)).toMatchObject({ problems: [{ kind: "differs" }] });
    },
  );

  it("checks the form of a file without a manifest, pcap or pcapng", async () => {
    await writeFile(file, capture.bytes);
    expect(await verifyEvidence(file)).toMatchObject({ isGood: true, packets: 3, manifest: undefined });
    const writer = new PcapngWriter({ linkType: 1 });
    const record = writer.record({ timestampNs: hour.from, data: new Uint8Array(60) });
    await writeFile(file, Buffer.concat([writer.header(), record, record]));
    expect(await verifyEvidence(file)).toMatchObject({ isGood: true, packets: 2, linkType: "Ethernet (1)" });
    await writeFile(file, Buffer.concat([writer.header(), record, record.subarray(0, 40)]));
    expect(await verifyEvidence(file)).toMatchObject({ problems: [{ kind: "capture" }], packets: 1 });
  });

  it.each<[string, Uint8Array, string]>([
    ["cut in a record", capture.bytes.slice(0, 200), "truncated record at byte 176"],
    ["of nothing", new Uint8Array(0), "empty capture"],
    ["of something else", new TextEncoder().encode("no capture at all"), "0 whole packets before it"],
  ])("says where a file %s can't be read on, and hashes all of it", async (_, bytes, what) => {
    await writeFile(file, bytes);
    const verified = await verifyEvidence(file);
    expect(verified).toMatchObject({ isGood: false, bytes: bytes.length, sha256: sha256(bytes) });
    expect(verified.problems[0]?.what).toContain(what);
  });

  it("reads a file with damage in its middle to its end", async () => {
    const large = packetsFromNoon(2000, 1400);
    const bytes = large.bytes.slice();
    new DataView(bytes.buffer).setUint32(24 + 1000 * 1416 + 8, 0xffff_ffff, true);
    await writeFile(file, bytes);
    expect(await verifyEvidence(file)).toMatchObject({
      bytes: bytes.length,
      sha256: sha256(bytes),
      packets: 1000,
      lastPacketNs: large.timesNs[999],
      problems: [{ kind: "capture" }],
    });
  });

  it("takes a manifest from elsewhere, which must be there then", async () => {
    const manifest = await write(capture);
    await writeFile(join(folder, "m.json"), JSON.stringify(manifest));
    await rm(`${file}.manifest.json`);
    expect(await verifyEvidence(file)).toMatchObject({ isGood: true, manifest: undefined });
    const named = await verifyEvidence(file, { manifest: join(folder, "m.json") });
    expect(named).toMatchObject({ isGood: true, manifest: { version: 1 } });
    await expect(verifyEvidence(file, { manifest: join(folder, "none") })).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  it("says that there is no such file", async () => {
    await expect(verifyEvidence(file)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

/** Writes a capture with a manifest as toFile() does. */
async function write(
  { bytes, timesNs }: TestCapture,
  change: Partial<FetchResult> = {},
  options: Partial<Parameters<typeof planFetch>[0]> = {},
): Promise<Manifest> {
  const plan = planFetch({ ...hour, filter: "port 443", reason: "case 4711", ...options }, {});
  const result: FetchResult = {
    uid: plan.uid,
    verdict: "complete",
    stoppedBy: "nothing",
    packets: timesNs.length,
    pcapBytes: bytes.length,
    sha256: sha256(bytes),
    firstPacketNs: timesNs[0],
    lastPacketNs: timesNs.at(-1),
    source: "directory",
    sensor: "edge-1",
    serverVersion: "stenogrpc/0.1.0",
    clientIdentity: "analyst",
    window: plan.window,
    filter: "port 443",
    filterDialect: "pcap",
    policyFilter: "net 10.0.0.0/8",
    payloadLimitBytes: 64,
    completeness: "unproved",
    coverage: {
      oldestPacketNs: hour.from,
      gaps: [{ startNs: hour.to - second, endNs: hour.to, reason: "not-yet-written", expectedAtNs: hour.to }],
    },
    covered: "part",
    damage: [{ file: "1782907200000000", thread: 0, what: "a block fails its check", losesPackets: true }],
    shortcomings: ["a block fails its check"],
    recordsSeen: 20,
    recordsOutsideWindow: 3,
    recordsUnmatched: 2,
    retries: 0,
    recordsBehindVlan: 0,
    clockSkewMs: 0,
    warnings: ["one file ends in the middle of a record"],
    verification: "full",
    ...change,
  };
  const manifest = describeRetrieval(file, {
    plan,
    result,
    server: {
      address: "sensor-1:8443",
      certificate: { subject: "CN=sensor-1", subjectAltName: "DNS:sensor-1", fingerprint256: "AA:BB" },
    },
    requestedAt: new Date(0),
    endedAt: new Date(1),
  });
  await writeFile(file, bytes);
  await writeFile(`${file}.manifest.json`, JSON.stringify(manifest));
  return manifest;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
