import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packetLine, readPcap, streamPcap, withinWindow } from "./read-pcap.js";

const littleMicro = Buffer.concat([
  Buffer.from("d4c3b2a1", "hex"), // magic
  Buffer.from("0200 0400".replaceAll(" ", ""), "hex"), // version 2.4
  Buffer.alloc(8), // zone, accuracy
  Buffer.from("ffff0000", "hex"), // snaplen
  Buffer.from("01000000", "hex"), // Ethernet
  Buffer.from("0100000002000000", "hex"), // 1 s, 2 us
  Buffer.from("0300000005000000", "hex"), // 3 bytes of 5
  Buffer.from("aabbcc", "hex"),
]);
const bigNano = Buffer.concat([
  Buffer.from("a1b23c4d", "hex"), // magic
  Buffer.from("00020004", "hex"), // version 2.4
  Buffer.alloc(8), // zone, accuracy
  Buffer.from("0000ffff", "hex"), // snaplen
  Buffer.from("00000001", "hex"), // Ethernet
  Buffer.from("0000000100000002", "hex"), // 1 s, 2 ns
  Buffer.from("0000000200000002", "hex"), // 2 bytes of 2
  Buffer.from("ddee", "hex"),
]);

describe("readPcap", () => {
  it("reads either byte order and resolution", () => {
    expect(readPcap(littleMicro).map(packetLine)).toEqual(["1000002000 5 aabbcc"]);
    expect(readPcap(bigNano).map(packetLine)).toEqual(["1000000002 2 ddee"]);
  });

  it("refuses what ends within a record, and what is no pcap", () => {
    expect(() => readPcap(littleMicro.subarray(0, -1))).toThrow("the file ends within the record at 24");
    expect(() => readPcap(littleMicro.subarray(0, 30))).toThrow(
      "the file ends within the record header at 24",
    );
    expect(() => readPcap(Buffer.from("could not parse query\n and more"))).toThrow(/no pcap file/);
  });

  it("reads a file in pieces to the same packets", () => {
    const folder = mkdtempSync(join(tmpdir(), "read-pcap-"));
    writeFileSync(join(folder, "x.pcap"), littleMicro);
    expect([...streamPcap(join(folder, "x.pcap"))].map(packetLine)).toEqual(["1000002000 5 aabbcc"]);
    writeFileSync(join(folder, "x.pcap"), littleMicro.subarray(0, -1));
    expect(() => [...streamPcap(join(folder, "x.pcap"))]).toThrow(/within a record/);
    rmSync(folder, { recursive: true });
  });
});

describe("withinWindow", () => {
  it("takes the start and leaves the end", () => {
    const packets = readPcap(littleMicro);
    expect(withinWindow(packets, { startNs: 1_000_002_000n, endNs: 1_000_002_001n })).toHaveLength(1);
    expect(withinWindow(packets, { startNs: 1_000_002_001n, endNs: 2_000_000_000n })).toHaveLength(0);
    expect(withinWindow(packets, { startNs: 0n, endNs: 1_000_002_000n })).toHaveLength(0);
  });
});
