import { describe, expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { readRequests } from "./read-requests.js";

const second = 1_000_000_000n;

describe("readRequests", () => {
  it("reads the original's file, both seconds included", () => {
    const rows = readRequests(
      "epoch_start,epoch_end,bpf\n1550000000,1550000059,host 10.0.0.1 and port 53\n",
      "r.csv",
    );
    expect(rows).toEqual([
      {
        row: 1,
        line: 2,
        filter: "host 10.0.0.1 and port 53",
        options: {},
        request: { startNs: 1_550_000_000n * second, endNs: 1_550_000_060n * second },
      },
    ]);
  });

  it("needs no header, and takes a byte order mark, CRLF, quotes and empty lines", () => {
    const rows = readRequests('\uFEFF1,2,"tcp"\r\n\r\n3,3, "udp and\r\nport ""53""" \r\n4,5,\r\n', "r.csv");
    expect(rows.map(({ row, line, filter }) => [row, line, filter])).toEqual([
      [1, 1, "tcp"],
      [2, 4, 'udp and\nport "53"'],
      [3, 5, ""],
    ]);
    expect(rows[1]?.request).toEqual({ startNs: 3n * second, endNs: 4n * second });
  });

  it.each([
    ["1,2", "2 fields, not 3"],
    ["1,2,tcp,udp", "4 fields, not 3"],
    ["x,2,tcp", 'epoch_start is "x", not whole seconds'],
    ["1,2.5,tcp", 'epoch_end is "2.5", not whole seconds'],
    ["-1,2,tcp", 'epoch_start is "-1"'],
    ["1550000000000,1550000000001,tcp", "not whole seconds since 1970"],
    ["1,253402300799,tcp", "epoch_end 253402300799 lies after the year 9999"],
    ["9,8,tcp", "epoch_end 8 lies before epoch_start 9"],
    ['1,2,"tcp" udp', "text behind a closing quote"],
  ])("reports the row %s and reads the next", (bad, problem) => {
    const rows = readRequests(`1,2,icmp\n${bad}\n3,4,"udp"\n`, "r.csv");
    expect(rows.map(({ row, line }) => [row, line])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(rows[1]?.request).toMatchObject({ problem: expect.stringContaining(problem) });
    expect(rows[0]?.request).not.toHaveProperty("problem");
    expect(rows[2]).toMatchObject({ filter: "udp", request: { startNs: 3n * second } });
  });

  it("refuses a file with an open quote, whose rows no one can tell", () => {
    expect(() => readRequests('1,2,tcp\n3,4,"udp\n5,6,icmp\n', "r.csv")).toThrow(UsageError);
  });

  it("reads further columns that the header names; an empty field leaves it to the command line", () => {
    const rows = readRequests(
      "epoch_start,epoch_end,bpf,require_coverage,Dialect,any_vlan,nanoseconds,restore_vlan,reason\n" +
        "1,2,tcp,true,stenographer,false,TRUE,true,Case 4711\n1,2,tcp,,,,,,\n1,2,tcp,,pcap,,,,\n",
      "r.csv",
    );
    expect(rows.map(({ options }) => options)).toEqual([
      {
        requireCoverage: true,
        dialect: "stenographer",
        anyVlan: false,
        nanoseconds: true,
        restoreVlan: true,
        reason: "Case 4711",
      },
      {},
      { dialect: "pcap" },
    ]);
    expect(rows[0]?.request).toEqual({ startNs: second, endNs: 3n * second });
  });

  it.each([
    ["1,2,tcp,bpf,", 'dialect is "bpf", not one of pcap, stenographer or empty'],
    ["1,2,tcp,,yes", 'any_vlan is "yes", not one of true, false or empty'],
    ["1,2,tcp", "3 fields, not 5 (epoch_start,epoch_end,bpf,dialect,any_vlan)"],
  ])("reports %s under further columns", (bad, problem) => {
    const rows = readRequests(`epoch_start,epoch_end,bpf,dialect,any_vlan\n${bad}\n1,2,udp,,\n`, "r.csv");
    expect(rows[0]).toMatchObject({ options: {}, request: { problem: expect.stringContaining(problem) } });
    expect(rows[1]).toMatchObject({ filter: "udp", request: { startNs: second } });
  });

  it("reports a reason that is too long", () => {
    const [row] = readRequests(`epoch_start,epoch_end,bpf,reason\n1,2,tcp,${"x".repeat(1025)}\n`, "r.csv");
    expect(row?.request).toEqual({
      problem: expect.stringMatching(/^reason is .*not at most 1024 characters/),
    });
  });

  it.each([
    ["epoch_start,bpf,epoch_end", "they must begin with epoch_start,epoch_end,bpf"],
    ["epoch_start,epoch_end", "they must begin with epoch_start,epoch_end,bpf"],
    ["epoch_start,epoch_end,bpf,dialekt", 'the column "dialekt" is not known; did you mean "dialect"?'],
    [
      "epoch_start,epoch_end,bpf,colour",
      "known ones: dialect,any_vlan,restore_vlan,nanoseconds,require_coverage,reason",
    ],
    ["epoch_start,epoch_end,bpf,dialect,dialect", 'the column "dialect" is there twice'],
  ])("refuses the columns %s", (header, problem) => {
    expect(() => readRequests(`${header}\n`, "r.csv")).toThrow(problem);
  });

  it("finds nothing in an empty file", () => {
    expect(readRequests("", "r.csv")).toEqual([]);
    expect(readRequests("epoch_start,epoch_end,bpf\n", "r.csv")).toEqual([]);
  });
});
