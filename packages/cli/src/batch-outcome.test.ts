import type { FetchResult } from "@stenogrpc/client/node";
import { describe, expect, it } from "vitest";
import {
  type BatchOutcome,
  batchExitCode,
  outcomeLine,
  outcomesCsv,
  outcomesTable,
} from "./batch-outcome.js";

const window = { startNs: 1_767_323_045_000_000_000n, endNs: 1_767_323_105_000_000_000n };

const result: FetchResult = {
  uid: "a-1",
  verdict: "complete",
  stoppedBy: "nothing",
  packets: 1234,
  pcapBytes: 2048,
  sha256: "ab".repeat(32),
  firstPacketNs: window.startNs,
  lastPacketNs: window.startNs,
  source: "directory",
  sensor: "lab",
  window,
  filter: "(port 53)",
  recordsSeen: 1234,
  recordsOutsideWindow: 0,
  recordsUnmatched: 0,
  warnings: [],
  verification: "full",
};

const complete: BatchOutcome = {
  row: { row: 1, line: 2, filter: "port 53", request: window },
  verdict: "complete",
  result,
  file: "0001-port-53.pcap",
};
const truncated: BatchOutcome = {
  row: { row: 2, line: 3, filter: "tcp", request: window },
  verdict: "truncated",
  result: { ...result, verdict: "truncated", stoppedBy: "server-limit" },
  file: "0002-tcp.pcap",
};
const empty: BatchOutcome = {
  row: { row: 3, line: 4, filter: "", request: window },
  verdict: "no-packets",
  result: { ...result, verdict: "no-packets", packets: 0, pcapBytes: 24 },
  file: "0003-all.pcap",
};
const badRow: BatchOutcome = {
  row: { row: 4, line: 5, filter: 'say "port", twice', request: { problem: "no" } },
  verdict: "bad-row",
  error: "line 5: no\nsecond line",
};
const failed: BatchOutcome = { ...badRow, verdict: "failed" };

describe("a batch's exit code", () => {
  it.each([
    [0, [] as BatchOutcome[]],
    [0, [complete, empty]],
    [4, [complete, truncated]],
    [1, [truncated, failed]],
    [1, [complete, badRow]],
  ])("is %i", (code, outcomes) => {
    expect(batchExitCode(outcomes)).toBe(code);
  });
});

it("results.csv has a line a row, quoted where needed", () => {
  const [head, first, last, ...rest] = outcomesCsv([complete, badRow]).split("\n");
  expect(head).toBe("row,filter,window,verdict,packets,bytes,sha256,file,error");
  expect(first).toBe(
    `1,port 53,2026-01-02T03:04:05Z/2026-01-02T03:05:05Z,complete,1234,2048,${"ab".repeat(32)},0001-port-53.pcap,`,
  );
  expect([last, ...rest].join("\n")).toBe('4,"say ""port"", twice",,bad-row,,,,,"line 5: no\nsecond line"\n');
});

it("the table has a line a row and counts the verdicts", () => {
  expect(outcomesTable([complete, truncated, empty, badRow])).toBe(
    `row  verdict     packets     size  filter             file or error
1    complete      1,234  2.0 KiB  port 53            0001-port-53.pcap
2    truncated     1,234  2.0 KiB  tcp                0002-tcp.pcap (the server's own limit)
3    no-packets        0     24 B  (every packet)     0003-all.pcap
4    bad-row                       say "port", twice  line 5: no
4 rows: 1 complete, 1 truncated, 1 no-packets, 1 bad-row
`,
  );
});

it("progress names the row, its line and what came of it", () => {
  expect(outcomeLine(complete)).toBe("row 1 (line 2): complete: 1,234 packets, 0001-port-53.pcap");
  expect(outcomeLine(badRow)).toBe("row 4 (line 5): bad-row: line 5: no");
});
