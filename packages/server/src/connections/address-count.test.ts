import { describe, expect, it } from "vitest";
import { AddressCount } from "./address-count.js";

describe("AddressCount", () => {
  it("counts IPv4 addresses one by one, also where they come mapped to IPv6", () => {
    const counts = new AddressCount();
    expect(counts.add("10.0.0.1")).toBe(1);
    expect(counts.add("::ffff:10.0.0.1")).toBe(2);
    expect(counts.add("10.0.0.2")).toBe(1);
    counts.remove("10.0.0.1");
    expect(counts.add("10.0.0.1")).toBe(2);
  });

  it.each([
    ["2001:db8:0:7:1:2:3:4", "2001:db8:0:7::9", 2],
    ["2001:db8:0:7::1", "2001:db8:0:8::1", 1],
    ["fe80::1%eth0", "fe80::2", 2],
    ["::1", "::2", 2],
    ["2001:db8::1", "2001:db8:0:1::1", 1],
  ])("takes %s and %s as %3$i of one network of 64 bits", (first, second, expected) => {
    const counts = new AddressCount();
    counts.add(first);
    expect(counts.add(second)).toBe(expected);
  });
});
