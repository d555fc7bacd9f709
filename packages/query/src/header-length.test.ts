import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ethernetFrame } from "../test-support/arbitraries.js";
import { concat } from "../test-support/bytes.js";
import { plannedFrame } from "../test-support/plan-arbitraries.js";
import { headerLength, UnsupportedLinkTypeError } from "./index.js";

const macs = new Uint8Array(12);
const ipv4Type = Uint8Array.of(0x08, 0x00);
const payload = new Uint8Array(50).fill(0xee);

function ipv4(protocol: number, transport: Uint8Array, { words = 5, fragment = 0 } = {}): Uint8Array {
  return concat(
    Uint8Array.of(0x40 | words, 0, 0, 0, 0, 0, fragment >> 8, fragment & 255, 64, protocol, 0, 0),
    new Uint8Array(8 + 4 * (words - 5)),
    transport,
  );
}

function ipv6(next: number, rest: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x60, 0, 0, 0, 0, 0, next, 64), new Uint8Array(32), rest);
}

function tcp(words: number): Uint8Array {
  return concat(new Uint8Array(12), Uint8Array.of(words << 4), new Uint8Array(7), payload);
}

const ofEthernet = headerLength(1);
const length = (...parts: Uint8Array[]) => {
  const frame = concat(...parts);
  return ofEthernet(frame, 0, frame.length);
};

describe("headerLength", () => {
  it.each([
    ["TCP", 6, tcp(5), 20],
    ["TCP with options", 6, tcp(8), 32],
    ["UDP", 17, payload, 8],
    ["ICMP", 1, payload, 8],
    ["SCTP", 132, payload, 12],
    ["GRE, inside which everything is payload", 47, payload, 0],
    ["TCP with an impossible length", 6, tcp(4), 0],
    ["TCP that is cut in its options", 6, tcp(15).slice(0, 40), 0],
    ["UDP that is cut", 17, payload.slice(0, 7), 0],
  ])("ends behind %s", (_name, protocol, transport, expected) => {
    expect(length(macs, ipv4Type, ipv4(protocol, transport))).toBe(14 + 20 + expected);
    expect(length(macs, ipv4Type, ipv4(protocol, transport, { words: 7 }))).toBe(14 + 28 + expected);
  });

  it("goes behind tags, labels and a pseudo-wire", () => {
    const inside = ipv4(17, payload);
    expect(length(macs, Uint8Array.of(0x88, 0xa8, 0, 1, 0x81, 0, 0, 5), ipv4Type, inside)).toBe(22 + 28);
    expect(length(macs, Uint8Array.of(0x88, 0x47, 0, 1, 0x01, 64), inside)).toBe(18 + 28);
    const wire = Uint8Array.of(0x88, 0x47, 0, 1, 0x01, 64, 0, 0, 0, 0);
    expect(length(macs, wire, macs, ipv4Type, inside)).toBe(22 + 14 + 28);
    expect(length(macs, wire, macs, Uint8Array.of(0x12, 0x34), payload)).toBe(18);
  });

  it("goes behind the extension headers of IPv6, and takes a later fragment for data", () => {
    const type = Uint8Array.of(0x86, 0xdd);
    const hop = (next: number) => Uint8Array.of(next, 0, 0, 0, 0, 0, 0, 0);
    const fragment = (next: number, offset: number) => Uint8Array.of(next, 0, 0, offset, 0, 0, 0, 1);
    expect(length(macs, type, ipv6(0, concat(hop(58), payload)))).toBe(14 + 40 + 8 + 8);
    expect(length(macs, type, ipv6(44, concat(fragment(17, 1), payload)))).toBe(14 + 40 + 8 + 8);
    expect(length(macs, type, ipv6(44, concat(fragment(17, 8), payload)))).toBe(14 + 40 + 8);
    expect(length(macs, ipv4Type, ipv4(17, payload, { fragment: 185 }))).toBe(14 + 20);
  });

  it("does not take the reserved byte of a fragment header for a length, which payload could hide behind", () => {
    const type = Uint8Array.of(0x86, 0xdd);
    for (const reserved of [1, 4, 60, 255]) {
      const fragment = Uint8Array.of(6, reserved, 0, 0, 0, 0, 0, 1);
      expect(length(macs, type, ipv6(44, concat(fragment, tcp(5), new Uint8Array(3000))))).toBe(14);
    }
  });

  it("keeps the link layer's headers of what is not IP, or is cut or impossible as IP", () => {
    expect(length(macs, Uint8Array.of(0x08, 0x06), payload)).toBe(14);
    expect(length(macs, Uint8Array.of(0, 46), payload)).toBe(14);
    expect(length(macs, ipv4Type, payload)).toBe(14);
    expect(length(macs, ipv4Type, ipv4(17, payload).slice(0, 19))).toBe(14);
    expect(length(macs, ipv4Type, ipv4(17, payload, { words: 15 }).slice(0, 30))).toBe(14);
    expect(length(macs, ipv4Type, Uint8Array.of(0x44), ipv4(17, payload).slice(1))).toBe(14);
    expect(length(macs.slice(0, 9))).toBe(0);
  });

  it("knows raw IP, Linux cooked and BSD loopback captures, and refuses others", () => {
    const inside = ipv4(17, payload);
    expect(headerLength(101)(inside, 0, inside.length)).toBe(28);
    const cooked = concat(new Uint8Array(14), ipv4Type, inside);
    expect(headerLength(113)(cooked, 0, cooked.length)).toBe(16 + 28);
    const loopback = concat(Uint8Array.of(0, 0, 0, 2), inside);
    expect(headerLength(108)(loopback, 0, loopback.length)).toBe(4 + 28);
    expect(() => headerLength(105)).toThrow(UnsupportedLinkTypeError);
  });

  it("never tells more than is captured, nor looks at bytes behind it", () => {
    fc.assert(
      fc.property(fc.oneof(ethernetFrame, plannedFrame), fc.nat(200), (frame, cut) => {
        const captured = Math.min(cut, frame.length);
        const alone = ofEthernet(frame.slice(0, captured), 0, captured);
        expect(ofEthernet(concat(new Uint8Array(3), frame), 3, captured)).toBe(alone);
        expect(alone).toBeLessThanOrEqual(captured);
        expect(alone).toBeGreaterThanOrEqual(captured < 14 ? 0 : 14);
      }),
    );
  });

  it("keeps no byte of the data behind a transport header, whatever stands in front of it", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(6, 17, 1, 132),
        fc.nat(3),
        fc.integer({ min: 5, max: 15 }),
        (protocol, tags, words) => {
          const header = new Uint8Array(protocol === 6 ? 4 * words : protocol === 132 ? 12 : 8);
          if (protocol === 6) header[12] = words << 4;
          const vlans = new Uint8Array(4 * tags);
          for (let i = 0; i < tags; i++) vlans.set([0x81, 0, 0, i + 1], 4 * i);
          const front = concat(macs, vlans, ipv4Type, ipv4(protocol, header));
          expect(length(front, payload)).toBe(front.length);
        },
      ),
    );
  });
});
