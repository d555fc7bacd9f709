import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compileFilter } from "../compile-filter.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { FilterSyntaxError } from "../syntax-error.js";
import { FilterMeaningError } from "./meaning-error.js";

/** What libpcap 1.10.3 (its optimizer off) selected from `daemon-capture.pcap`, or that it refused the text. */
interface Recorded {
  readonly filter: string;
  readonly refused?: true;
  readonly packets?: readonly number[];
}

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));
const recorded = fixture("libpcap-answers.jsonl")
  .toString()
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded); // the file is ours
const file = fixture("daemon-capture.pcap");

function select(text: string): number[] {
  const matches = compileFilter(parseFilter(text, { dialect: "pcap" }), { linkType: 1 });
  const chosen: number[] = [];
  for (let at = 24, number = 0; at < file.length; number++) {
    const captured = file.readUInt32LE(at + 8);
    if (matches(file, at + 16, captured, file.readUInt32LE(at + 12), file.readUInt32LE(at), 0))
      chosen.push(number);
    at += 16 + captured;
  }
  return chosen;
}

describe("against what libpcap answered", () => {
  it("has filters that it took and filters that it refused", () => {
    expect(recorded).toHaveLength(253);
    expect(recorded.filter(({ refused }) => refused)).toHaveLength(76);
  });

  it.each(
    recorded.filter(({ refused }) => !refused).map(({ filter, packets }) => [filter, packets] as const),
  )("selects the same packets for %j", (filter, packets) => {
    expect(select(filter)).toEqual(packets);
  });

  it.each(recorded.filter(({ refused }) => refused).map(({ filter }) => [filter]))(
    "refuses %j too",
    (filter) => {
      expect(() => select(filter)).toThrow(
        expect.toSatisfy(
          (problem: unknown) => problem instanceof FilterSyntaxError || problem instanceof FilterMeaningError,
        ),
      );
    },
  );

  it.each(
    recorded.filter(({ refused }) => !refused).map(({ filter, packets }) => [filter, packets] as const),
  )("prints %j so that it means the same", (filter, packets) => {
    const printed = printFilter(parseFilter(filter, { dialect: "pcap" }));
    expect(printFilter(parseFilter(printed, { dialect: "pcap" }))).toBe(printed);
    expect(select(printed)).toEqual(packets);
  });
});
