import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipAddress } from "../test-support/arbitraries.js";
import { bitsOf } from "../test-support/daemon.js";
import { networkAddress, parseIpAddress, prefixLengthOf, printIpAddress } from "./address.js";

function reprinted(text: string): string | undefined {
  const address = parseIpAddress(text);
  return address && printIpAddress(address);
}

describe("parseIpAddress", () => {
  it.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["02001:db8::1", "2001:db8::1"],
    // RFC 5952, 4.2.2: a single zero group is written out.
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    // 4.2.3: of the longest runs, the first.
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["::1.2.3.4", "::102:304"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::ffff:102:304", "1.2.3.4"],
    ["0:0:0:0:0:ffff:255.255.255.255", "255.255.255.255"],
    ["::ffff:0:1.2.3.4", "::ffff:0:102:304"],
  ])("reads %s as %s", (text, expected) => {
    expect(reprinted(text)).toBe(expected);
  });

  it.each([
    "",
    ".",
    ":",
    ":::",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    "0x1.2.3.4",
    "1.2.3.-4",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "::2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:::2",
    ":1::2",
    "1::2:",
    "12345::",
    "g::",
    "2001:DB8::1",
    "fe80::1%eth0",
    "1.2.3.4::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::1.2.3.04",
    "::1.2.3.4:5",
  ])("does not read %j", (text) => {
    expect(parseIpAddress(text)).toBeUndefined();
  });

  it("reads what is printed for any address", () => {
    fc.assert(
      fc.property(ipAddress, (address) => {
        expect(parseIpAddress(printIpAddress(address))).toEqual(address);
      }),
    );
  });

  it("answers at once for a text of a million characters", () => {
    for (const piece of ["0", "f", ":", ".", "1.", "::", "1:"]) {
      expect(parseIpAddress(piece.repeat(1_000_000 / piece.length))).toBeUndefined();
    }
  });
});

describe("networks", () => {
  it("keep the first bits of an address and clear the others", () => {
    fc.assert(
      fc.property(ipAddress, fc.nat(128), (address, most) => {
        const bits = bitsOf(printIpAddress(address));
        const length = Math.min(most, bits.length);
        const wanted = bits.slice(0, length).padEnd(bits.length, "0");
        expect(bitsOf(printIpAddress(networkAddress(address, length)))).toBe(wanted);
      }),
    );
  });

  it("have a prefix length for each contiguous mask, and only for those", () => {
    fc.assert(
      fc.property(ipAddress, fc.nat(128), fc.boolean(), (address, most, isContiguous) => {
        const size = address.version === 4 ? 32 : 128;
        const ones = address.version === 4 ? "255.255.255.255" : Array(8).fill("ffff").join(":");
        const all = parseIpAddress(ones) ?? address;
        const mask = isContiguous ? networkAddress(all, Math.min(most, size)) : address;
        const bits = bitsOf(printIpAddress(mask));
        expect(prefixLengthOf(mask)).toBe(/^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : undefined);
      }),
    );
  });
});
