import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianProgram, packetLine, readPcap, writeSyntheticTraffic } from "@stenogrpc/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  documentedFilters,
  documentedFiltersWithNames,
  withAddresses,
} from "../../../packages/query/test-support/documented-filters.js";
import { filterText } from "../../../packages/query/test-support/pcap-filter-text.js";
import { type CaptureFile, shippedCaptures, writeCaptures } from "./captures.js";
import { LibpcapOracle } from "./libpcap-oracle.js";
import { ours } from "./ours.js";

const numRuns = Number(process.env.TCPDUMP_FILTER_RUNS ?? 200);
const seed = Number(process.env.PCAP_FILTER_SEED ?? 1);

const folder = mkdtempSync(join(tmpdir(), "tcpdump-filter-"));
const captures: CaptureFile[] = [...shippedCaptures(), ...writeCaptures(folder, seed)];
const tcpdump = debianProgram("tcpdump");
const oracle = new LibpcapOracle();

beforeAll(async () => {
  const file = join(folder, "synthetic.pcap");
  await writeSyntheticTraffic(file, { packets: 2000, seed, maxPayload: 200 });
  captures.push({ linkType: 1, file, frames: readPcap(file) });
});

afterAll(() => {
  oracle.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The packets that the program selects, as lines; undefined if it refuses the filter. */
function selectedByTcpdump(filter: string, { file }: CaptureFile): string[] | undefined {
  const { status, stdout, stderr } = spawnSync(tcpdump, ["-r", file, "-w", "-", filter]);
  if (status === 0) return readPcap(stdout).map(packetLine);
  if (stderr.includes("expression rejects all packets")) return [];
  return undefined;
}

function lines(capture: CaptureFile, numbers: readonly number[]): string[] {
  const packets = readPcap(capture.file);
  return numbers.map((number) => packetLine(packets[number]!)); // numbers of its own packets
}

describe("the pcap-filter language against `tcpdump -r FILE FILTER`", () => {
  it.each([...documentedFilters, ...documentedFiltersWithNames.map(withAddresses)])(
    "selects the same packets for %j of the manual pages",
    (filter) => {
      for (const capture of captures.filter(({ file }) => /daemon|T054025|synthetic/.test(file))) {
        const mine = ours(filter, capture);
        expect(typeof mine === "string" ? mine : lines(capture, mine), capture.file).toEqual(
          selectedByTcpdump(filter, capture),
        );
      }
    },
  );

  it("selects the same packets for filters made at random, but for what libpcap's optimizer changes", async () => {
    const seen = {
      seed,
      filters: 0,
      answers: 0,
      equal: 0,
      refusedByBoth: 0,
      loadsOfCutPackets: 0,
      refusedByOptimizer: 0,
    };
    for (const [i, filter] of fc.sample(filterText, { numRuns, seed }).entries()) {
      seen.filters++;
      for (const capture of [captures[i % captures.length]!, captures.at(-1)!]) {
        seen.answers++;
        const mine = ours(filter, capture);
        const theirs = selectedByTcpdump(filter, capture);
        if (typeof mine === "string" && theirs === undefined) {
          seen.refusedByBoth++;
          continue;
        }
        const selected = typeof mine === "string" ? undefined : lines(capture, mine);
        if (String(selected) === String(theirs)) {
          seen.equal++;
          continue;
        }
        const plain = await oracle.ask(filter, capture.file);
        expect("plain" in plain && plain.plain, `${filter} in ${capture.file}`).toEqual(mine);
        seen[theirs === undefined ? "refusedByOptimizer" : "loadsOfCutPackets"]++;
      }
    }
    console.log(seen);
    expect(seen.equal).toBeGreaterThan(numRuns / 2);
  });
});
