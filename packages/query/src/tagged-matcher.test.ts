import { describe, expect, it } from "vitest";
import { bytes, concat } from "../test-support/bytes.js";
import { tcpSyn } from "../test-support/segments.js";
import { parseFilter } from "./parse-filter.js";
import { FilterCostError } from "./pcap/cost-error.js";
import { compileTaggedFilter } from "./tagged-matcher.js";

const packet = concat(
  bytes(
    "08 00", // IPv4
    "45", // version 4, header of 5 words
    "00", // type of service
    "00 28", // total length
    "00 07", // identification
    "00 00", // flags and offset
    "40", // time to live
    "06", // TCP
    "00 00", // checksum
    "0a 00 00 01", // source 10.0.0.1
    "c0 a8 01 02", // destination 192.168.1.2
  ),
  tcpSyn("c0 00", "00 50"), // from port 49152 to 80
);

const addresses = "02 00 00 00 00 02 02 00 00 00 00 01"; // destination, source
const ethernet = (...tags: readonly string[]) => concat(bytes(addresses, ...tags), packet);
/** Linux cooked v1: packet type, ARPHRD, length of the address, address; then the Ethernet type. */
const cooked = (...tags: readonly string[]) =>
  concat(bytes("00 00", "00 01", "00 06", "02 00 00 00 00 01 00 00", ...tags), packet);
/** Linux cooked v2: Ethernet type, reserved, interface, ARPHRD, packet type, length of the address, address. */
const cooked2 = (type: string, ...rest: readonly string[]) =>
  concat(
    bytes(type, "00 00", "00 00 00 02", "00 01", "00", "06", "02 00 00 00 00 01 00 00", ...rest),
    packet,
  );

function finds(text: string, frame: Uint8Array, linkType = 1, captured = frame.length): boolean | undefined {
  const matches = compileTaggedFilter(parseFilter(text, { dialect: "pcap" }), { linkType });
  // Not at the start of the memory, and with a tag's type behind it: only the frame itself may count.
  const memory = concat(new Uint8Array(5), frame.subarray(0, captured), new Uint8Array(64).fill(0x81));
  return matches?.(memory, 5, captured, frame.length, 0, 0);
}

describe("compileTaggedFilter", () => {
  it.each(["81 00 00 05", "88 a8 00 05", "91 00 00 05"])("finds what matches behind a tag %s", (tag) => {
    expect(finds("host 10.0.0.1", ethernet(tag))).toBe(true);
    expect(finds("tcp port 80", ethernet(tag, "81 00 00 07"))).toBe(true);
    expect(finds("host 10.0.0.2", ethernet(tag))).toBe(false);
    expect(finds("host 10.0.0.1 and not tcp", ethernet(tag))).toBe(false);
  });

  it("finds nothing without a tag, match or no match, nor in a frame that was cut before it", () => {
    expect(finds("host 10.0.0.1", ethernet())).toBe(false);
    expect(finds("host 10.0.0.2", ethernet())).toBe(false);
    for (const captured of [0, 12, 13]) {
      expect(finds("host 10.0.0.1", ethernet("81 00 00 05"), 1, captured)).toBe(false);
    }
  });

  it("finds it in Linux cooked captures, and looks for it in no other", () => {
    expect(finds("host 10.0.0.1", cooked("81 00 00 05"), 113)).toBe(true);
    expect(finds("host 10.0.0.1", cooked(), 113)).toBe(false);
    expect(finds("host 10.0.0.1", cooked2("81 00", "00 05"), 276)).toBe(true);
    expect(finds("host 10.0.0.1", packet.subarray(2), 101)).toBeUndefined();
  });

  it.each([
    "vlan and host 10.0.0.1",
    "host 10.0.0.1 or vlan",
    "ether host 02:00:00:00:00:01",
    "ether broadcast",
    "len > 60",
    "ether[0] & 1 = 0",
    "after 2026-01-01T00:00:00Z",
  ])("is nothing to ask where the filter overlooks nothing: %s", (text) => {
    expect(finds(text, ethernet())).toBeUndefined();
  });

  it.each([
    "tcp",
    "ip broadcast",
    "ip[8] = 64",
    "ether[ip[0] & 15] = 2",
    "-(1 + tcp[0]) > 0",
    "len > 9 and arp",
  ])("is to be asked for %s", (text) => {
    expect(finds(text, ethernet())).toBe(false);
  });

  it("is refused at once where it would cost too much behind tags", () => {
    const filter = parseFilter(new Array(6400).fill("geneve").join(" or "), { dialect: "pcap" });
    expect(() => compileTaggedFilter(filter, { linkType: 1 })).toThrow(FilterCostError);
  });

  it("is nothing to ask where the filter looks behind tags anyway", () => {
    const filter = parseFilter("host 10.0.0.1", { dialect: "pcap" });
    expect(compileTaggedFilter(filter, { linkType: 1, vlanTransparent: true })).toBeUndefined();
    expect(compileTaggedFilter(parseFilter("host 10.0.0.1"), { linkType: 1 })).toBeUndefined();
  });
});
