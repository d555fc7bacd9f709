import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { answer, type StoredFile, type StoredPacket } from "../../test-support/daemon.js";
import { indexKeys, isLaterIpv4Fragment } from "../../test-support/index-keys.js";
import { compileFilter } from "../compile-filter.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";

interface Frame extends StoredPacket {
  readonly data: Uint8Array;
}

/** The records of a little-endian microsecond pcap. */
function readCapture(file: Uint8Array): Frame[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const frames: Frame[] = [];
  for (let at = 24; at < file.length; ) {
    const length = view.getUint32(at + 8, true);
    const data = file.subarray(at + 16, at + 16 + length);
    const timestampNs =
      BigInt(view.getUint32(at, true)) * 1_000_000_000n + BigInt(view.getUint32(at + 4, true)) * 1000n;
    frames.push({ timestampNs, data, keys: indexKeys(data) });
    at += 16 + length;
  }
  return frames;
}

/** A new file a minute, named by its first packet: so the files were written that the answers come from. */
function inFiles(frames: readonly Frame[]): StoredFile[] {
  const files: { nameUs: bigint; packets: Frame[] }[] = [];
  for (const frame of frames) {
    const file = files.at(-1);
    const timestampUs = frame.timestampNs / 1000n;
    if (file === undefined || timestampUs - file.nameUs > 60_000_000n)
      files.push({ nameUs: timestampUs, packets: [frame] });
    else file.packets.push(frame);
  }
  return files;
}

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));
const frames = readCapture(fixture("daemon-capture.pcap"));
const files = inFiles(frames);
const answers = fixture("daemon-answers.jsonl")
  .toString()
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as { query: string; packets: number[] }); // the file is ours

// Debian's stenographer 1.0.1-2 answered these queries, all printed by this package, from the capture beside them.
describe("against the answers of a real Stenographer", () => {
  it("has the capture and the queries", () => {
    expect(frames).toHaveLength(360);
    expect(files).toHaveLength(15);
    expect(answers).toHaveLength(150);
  });

  it.each(answers.map(({ query, packets }) => [query, packets] as const))(
    "answers %s as it did",
    (query, packets) => {
      const model = answer(query, files);
      expect(frames.flatMap((frame, i) => (model.has(frame) ? [i] : []))).toEqual(packets);
      expect(printFilter(parseFilter(query))).toBe(query);
    },
  );

  const timeless = answers.filter(({ query }) => !/before|after/.test(query));
  it("has queries without times to match frames with", () => {
    expect(timeless.length).toBeGreaterThan(50);
  });

  it.each(timeless.map(({ query, packets }) => [query, packets] as const))(
    "matches for %s what it sent, but for ports of later fragments",
    (query, packets) => {
      const matches = compileFilter(parseFilter(query), { linkType: 1 });
      const got = frames.flatMap(({ data }, i) =>
        matches(data, 0, data.length, data.length, 0, 0) ? [i] : [],
      );
      const sent = new Set(packets);
      expect(got.filter((i) => !sent.has(i))).toEqual([]);
      const missed = packets.filter((i) => !got.includes(i));
      const isExcused = (i: number) =>
        query.includes("port") && isLaterIpv4Fragment(frames[i]?.data ?? new Uint8Array());
      expect(missed.filter((i) => !isExcused(i))).toEqual([]);
    },
  );
});
