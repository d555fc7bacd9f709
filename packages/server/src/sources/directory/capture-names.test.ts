import { describe, expect, it } from "vitest";
import { captureNames, isIgnoredName } from "./capture-names.js";

describe("captureNames", () => {
  it.each([
    "a.pcap",
    "a.pcapng",
    "a.cap",
    "A.PCAP",
    "a.pcap.gz",
    "a.pcapng.gz",
    "a.pcap0",
    "a.pcap17",
    "eth0.pcap.3",
    "eth0.pcap.3.gz",
    "eth0.pcap-20240131",
    "eth0.pcap.2024-01-31_12:00:00",
  ])("takes %s by default", (name) => {
    expect(captureNames(undefined)(name)).toBe(true);
  });

  it.each(["a.txt", "pcap", "a.pcap.txt", "a.pcapx", "a.gz", "a.pcap.idx"])(
    "leaves %s by default",
    (name) => {
      expect(captureNames(undefined)(name)).toBe(false);
    },
  );

  it("takes what one of the globs takes, and nothing else", () => {
    const isCapture = captureNames(["dump.*", "eth?-[1].raw"]);
    expect(["dump.", "dump.a.b", "eth0-[1].raw"].filter(isCapture)).toEqual([
      "dump.",
      "dump.a.b",
      "eth0-[1].raw",
    ]);
    expect(["xdump.a", "dump", "eth10-[1].raw", "eth0-1.raw", "eth0-[1]_raw"].filter(isCapture)).toEqual([]);
  });

  it("is not slowed down by stars in a row", () => {
    expect(captureNames([`${"*".repeat(50)}x`])("a".repeat(250))).toBe(false);
  });
});

describe("isIgnoredName", () => {
  it("leaves hidden and unfinished names and lost+found", () => {
    const names = [".a.pcap", "a.pcap.partial", "a.pcap.tmp", "lost+found", "a.pcap"];
    expect(names.filter(isIgnoredName)).toEqual([".a.pcap", "a.pcap.partial", "a.pcap.tmp", "lost+found"]);
  });
});
