import { describe, expect, it } from "vitest";
import { maxFilterLength } from "../limits.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";

const parse = (text: string) => parseFilter(text, { dialect: "pcap" });

describe("the printed form of the pcap-filter language", () => {
  it.each([
    ["tcp or udp or icmp", "(tcp or udp or icmp)"],
    ["tcp or udp and icmp or arp", "(((tcp or udp) and icmp) or arp)"],
    ["tcp or (udp or icmp)", "(tcp or (udp or icmp))"],
    // Found by the fuzzer: the tree had two negations, the text none.
    ["not (not tcp)", "tcp"],
    ["not (not (not (tcp)))", "not tcp"],
    ["not host (not 10.0.0.1)", "host 10.0.0.1"],
  ])("of %j is %j, and parses to the same tree", (text, printed) => {
    expect(printFilter(parse(text))).toBe(printed);
    expect(parse(printed)).toEqual(parse(text));
  });

  it("of a thousand alternatives can be read again", () => {
    const filter = parse(Array.from({ length: 1000 }, (_, port) => `port ${port}`).join(" or "));
    expect(printFilter(parse(printFilter(filter)))).toBe(printFilter(filter));
  });

  it("of and and or by turns, a thousand times, can be read again", () => {
    const filter = parse("tcp or udp and ".repeat(1000).concat("tcp"));
    expect(printFilter(parse(printFilter(filter)))).toBe(printFilter(filter));
  });

  it.each([
    ["201 minus signs", `len = ${"-".repeat(201)}1`, "nested more than 400 deep when written out"],
    [
      "a list of short numbers",
      `host ${"1||".repeat(6000)}1`,
      "more than 65536 characters when written out in full",
    ],
    ["many spaces", `tcp${" ".repeat(maxFilterLength)}`, "filter too long: 65539 characters"],
  ])("could not be read again, so %s are refused", (_what, text, problem) => {
    expect(() => parse(text)).toThrow(problem);
  });
});
