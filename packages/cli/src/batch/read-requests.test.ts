import { describe, expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { readRequests as readAll } from "./read-requests.js";

const second = 1_000_000_000n;
const readRequests = (text: string, file: string) => readAll(text, file).rows;

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
        own: [],
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
    ["2026-01-02T03:04:05Z,2,tcp", "name the columns from,to,filter"],
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
    ["1,2,tcp,bpf,", 'dialect is "bpf". Write pcap or stenographer.'],
    ["1,2,tcp,,yes", 'any_vlan is "yes". Write true or false.'],
    ["1,2,tcp", "3 fields, not 5 (epoch_start,epoch_end,bpf,dialect,any_vlan)"],
  ])("reports %s under further columns", (bad, problem) => {
    const rows = readRequests(`epoch_start,epoch_end,bpf,dialect,any_vlan\n${bad}\n1,2,udp,,\n`, "r.csv");
    expect(rows[0]).toMatchObject({ options: {}, request: { problem: expect.stringContaining(problem) } });
    expect(rows[1]).toMatchObject({ filter: "udp", request: { startNs: second } });
  });

  it.each([
    ["server", "https://a", /^server is "https:\/\/a"\. .*leave out the scheme/],
    ["max_bytes", "10", /^max_bytes is "10"\. Write at least 24/],
    ["max_packets", "0", /^max_packets is "0"\. Write a whole number of at least 1/],
    ["timeout", "0s", /^timeout is "0s"\. Write 1ms or more/],
    ["reason", "x".repeat(1025), /^reason is "x+"\. Write 1 to 1024 characters/],
  ])("reports a bad %s, %s", (column, field, problem) => {
    const [row] = readRequests(`epoch_start,epoch_end,bpf,${column}\n1,2,tcp,${field}\n`, "r.csv");
    expect(row).toMatchObject({ options: {}, request: { problem: expect.stringMatching(problem) } });
  });

  it("reads server, limits and timeout of a row", () => {
    const [row] = readRequests(
      "epoch_start,epoch_end,bpf,server,max_bytes,max_packets,timeout\n1,2,tcp,[::1]:8443,2MB,10,1m\n",
      "r.csv",
    );
    const limits = { maxBytes: 2_000_000, maxPackets: 10, timeout: 60_000 };
    expect(row?.options).toEqual({ server: "[::1]:8443", ...limits });
  });

  it("reads times as fetch does under from and to, the end not included, and columns in any order", () => {
    const text = `Filter,to,alert_id,FROM
"tcp, or udp",2026-01-02T04:04:06.5+01:00,4711,2026-01-02T03:04:05Z
udp,now,,15m
icmp,1767323046.25,9,1767323045
`;
    const nowNs = 1_767_323_045n * second;
    const { rows, ownColumns } = readAll(text, "r.csv", Number(nowNs / 1_000_000n));
    expect(ownColumns).toEqual(["alert_id"]);
    expect(rows).toMatchObject([
      {
        filter: "tcp, or udp",
        own: ["4711"],
        request: { startNs: nowNs, endNs: nowNs + (3n * second) / 2n },
      },
      { filter: "udp", own: [""], request: { startNs: nowNs - 900n * second, endNs: nowNs } },
      { filter: "icmp", own: ["9"], request: { startNs: nowNs, endNs: nowNs + (5n * second) / 4n } },
    ]);
  });

  it.each([
    ["2026-01-02T03:04:05,now,udp", 'from: "2026-01-02T03:04:05" has no time zone; add Z for UTC'],
    ["yesterday,now,udp", 'from: "yesterday" is no time; write 2026-01-02T03:04:05Z'],
    [",now,udp", 'from: "" is no time'],
    ["15m,1h,udp", "must lie before to "],
  ])("reports %s under from and to", (bad, problem) => {
    const [row] = readRequests(`from,to,filter\n${bad}\n`, "r.csv");
    expect(row?.request).toMatchObject({ problem: expect.stringContaining(problem) });
  });

  it("takes columns that no option is named like for the user's own", () => {
    const { rows, ownColumns } = readAll(
      "no,Alert ID,epoch_start,epoch_end,bpf,severity\n7,a-1,1,2,tcp,high\n8,9\n",
      "r.csv",
    );
    expect(ownColumns).toEqual(["no", "Alert ID", "severity"]);
    expect(rows.map(({ own }) => own)).toEqual([
      ["7", "a-1", "high"],
      ["", "", ""],
    ]);
  });

  it.each([
    ["epoch_start,epoch_end", "there is no column filter"],
    ["to,filter", "there is no column from: write epoch_start,epoch_end,bpf or from,to,filter"],
    ["start,end,filter", "there is no column epoch_start, epoch_end: write epoch_start,"],
    ["epoch_start,epoch_end,query", "there is no column filter"],
    ["epoch_start,epoch_end,bpf,to", 'the column "to" does not go with epoch_start and epoch_end'],
    ["from,to,bpf,filter", 'the column "filter" does not go with bpf, which is the same'],
    ["from,to,filtre", 'the column "filtre" is not known; did you mean "filter"?'],
    ["epoch_start,epoch_end,bpf,dialekt", 'the column "dialekt" is not known; did you mean "dialect"?'],
    ["epoch_start,epoch_end,bpf,max_packet", 'did you mean "max_packets"?'],
    ["epoch_start,epoch_end,bpf,dialect,dialect", 'the column "dialect" is there twice'],
    ["epoch_start,epoch_end,bpf,Case,case", 'the column "case" is there twice'],
    ["epoch_start,epoch_end,bpf,SHA256", 'the column "SHA256" would be in results.csv twice'],
    ["epoch_start,epoch_end,bpf,", 'the column "" has no name'],
  ])("refuses the columns %s", (header, problem) => {
    expect(() => readRequests(`${header}\n`, "r.csv")).toThrow(problem);
  });

  it("finds nothing in an empty file", () => {
    expect(readRequests("", "r.csv")).toEqual([]);
    expect(readRequests("epoch_start,epoch_end,bpf\n", "r.csv")).toEqual([]);
  });
});
