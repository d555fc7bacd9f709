import { describe, expect, it } from "vitest";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { planFilter } from "./plan-filter.js";

const options = { from: 0n, to: 1_000_000_000n, restoreVlanTags: true };

function indexOf(text: string, dialect: "stenographer" | "pcap" = "stenographer"): string | undefined {
  const { index } = planFilter(parseFilter(text, { dialect }), options);
  return index && printFilter(index);
}

describe("a plan for frames whose VLAN tag is put back", () => {
  it.each([
    ["vlan 5", undefined],
    ["vlan 5 and host 10.0.0.1", "host 10.0.0.1"],
    ["host 10.0.0.1 and vlan 5", "host 10.0.0.1"],
    ["vlan 5 or host 10.0.0.1", undefined],
    ["(vlan 5 or tcp) and port 80", "port 80"],
    ["tcp and port 80", "(tcp and port 80)"],
  ])("asks the index for no tag: %s", (text, index) => {
    expect(indexOf(text)).toBe(index);
  });

  it("does so for tcpdump's language too", () => {
    expect(indexOf("vlan 5 and ip host 10.0.0.1", "pcap")).toBe("host 10.0.0.1");
    expect(indexOf("vlan 5", "pcap")).toBeUndefined();
  });

  it("says so", () => {
    const { explanation } = planFilter(parseFilter("vlan 5 and tcp"), options);
    expect(explanation.at(-1)).toContain("put back");
    expect(explanation.at(-1)).toContain('"tcp"');
  });
});
