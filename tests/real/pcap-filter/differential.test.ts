import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { filterText } from "../../../packages/query/test-support/pcap-filter-text.js";
import { shippedCaptures, writeCaptures } from "./captures.js";
import { LibpcapOracle } from "./libpcap-oracle.js";
import { ours } from "./ours.js";

const numRuns = Number(process.env.PCAP_FILTER_RUNS ?? 1500);
const seed = Number(process.env.PCAP_FILTER_SEED ?? 1);

const folder = mkdtempSync(join(tmpdir(), "pcap-filter-"));
const captures = [...writeCaptures(folder, seed), ...shippedCaptures()];
const oracle = new LibpcapOracle();

afterAll(() => {
  oracle.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the pcap-filter language against libpcap", () => {
  it("selects the same packets and refuses the same texts", { timeout: 3_600_000 }, async () => {
    const seen = { seed, filters: 0, answers: 0, refused: 0, packets: 0, onlyOptimizer: 0 };
    await fc.assert(
      fc.asyncProperty(filterText, async (text) => {
        seen.filters++;
        for (const capture of captures) {
          const theirs = await oracle.ask(text, capture.file);
          const mine = ours(text, capture);
          const where = `${capture.file}, link type ${capture.linkType}`;
          seen.answers++;
          if ("error" in theirs || typeof mine === "string") {
            const agree = "error" in theirs && typeof mine === "string";
            if (!agree)
              throw new Error(
                `${where}: libpcap: ${JSON.stringify(theirs).slice(0, 120)}, ours: ${String(mine).slice(0, 120)}`,
              );
            seen.refused++;
            continue;
          }
          seen.packets += mine.length;
          expect(mine, where).toEqual(theirs.plain);
          // libpcap's optimizer drops and reorders loads: a packet cut in a header may then pass that did not before.
          if (String(theirs.packets) !== String(theirs.plain)) seen.onlyOptimizer++;
        }
      }),
      { numRuns, seed },
    );
    console.log(seen);
    expect(seen.packets).toBeGreaterThan(numRuns);
  });
});
