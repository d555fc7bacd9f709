import { describe, expect, it } from "vitest";
import { gap, lost, result, window } from "../../test-support/results.js";
import {
  type BatchOutcome,
  batchExitCode,
  outcomeFields,
  outcomeJson,
  outcomeLine,
  outcomesTable,
} from "./batch-outcome.js";
import { resultsCsv } from "./results-csv.js";

const complete: BatchOutcome = {
  row: { row: 1, line: 2, filter: "port 53", options: {}, request: window, own: [] },
  verdict: "complete",
  result,
  file: "0001-port-53.pcap",
  asked: "server a:1; client CN=b; dialect pcap",
  uid: "u1",
};
const truncated: BatchOutcome = {
  row: { row: 2, line: 3, filter: "tcp", options: {}, request: window, own: [] },
  verdict: "truncated",
  result: { ...result, verdict: "truncated", stoppedBy: "server-limit" },
  file: "0002-tcp.pcap",
};
const empty: BatchOutcome = {
  row: { row: 3, line: 4, filter: "", options: {}, request: window, own: [] },
  verdict: "no-packets",
  result: { ...result, verdict: "no-packets", packets: 0, pcapBytes: 24 },
  file: "0003-all.pcap",
};
const lacks = ["the sensor has nothing before noon", "file \u001b[2J: bad length"];
const incomplete: BatchOutcome = {
  ...complete,
  verdict: "incomplete",
  result: {
    ...result,
    ...{ verdict: "incomplete", damage: [lost], coverage: { gaps: [gap, gap] }, shortcomings: lacks },
  },
};
const badRow: BatchOutcome = {
  row: { row: 4, line: 5, filter: 'say "port", twice', options: {}, request: { problem: "no" }, own: [] },
  verdict: "bad-row",
  error: "line 5: no\nsecond line",
};
const failed: BatchOutcome = { ...badRow, verdict: "failed" };
const { result: _, ...truncatedBefore } = truncated;
const kept: BatchOutcome = {
  ...truncatedBefore,
  kept: {
    verdict: "truncated",
    packets: 1234,
    bytes: 2048,
    sha256: result.sha256,
    missing: "the sensor has nothing before noon",
    stoppedBy: "max-packets",
  },
};

function outcomesCsv(outcomes: readonly BatchOutcome[]): string {
  return resultsCsv(outcomes.map((outcome) => ({ fields: outcomeFields(outcome), own: [] })));
}

describe("a batch's exit code", () => {
  it.each([
    [0, [] as BatchOutcome[]],
    [0, [complete, empty]],
    [4, [complete, truncated]],
    [4, [complete, kept]],
    [5, [complete, truncated, incomplete]],
    [1, [incomplete, truncated, failed]],
    [1, [complete, badRow]],
  ])("is %i", (code, outcomes) => {
    expect(batchExitCode(outcomes)).toBe(code);
  });
});

it("results.csv has a line a row, quoted where needed", () => {
  const [head, first, last, ...rest] = outcomesCsv([complete, badRow]).split("\n");
  expect(head).toBe("row,filter,window,verdict,packets,bytes,sha256,file,error,missing,stoppedBy,asked,uid");
  expect(first).toBe(
    `1,port 53,2026-01-02T03:04:05Z/2026-01-02T03:05:05Z,complete,1234,2048,${"ab".repeat(32)},0001-port-53.pcap,,,nothing,server a:1; client CN=b; dialect pcap,u1`,
  );
  expect([last, ...rest].join("\n")).toBe(
    '4,"say ""port"", twice",,bad-row,,,,,"line 5: no\nsecond line",,,,\n',
  );
});

it("results.csv and JSON say what the sensor does not have", () => {
  const missing = "the sensor has nothing before noon; file \uFFFD[2J: bad length";
  const line = outcomesCsv([incomplete]).split("\n")[1];
  expect(line).toContain(`,0001-port-53.pcap,,${missing},nothing,`);
  expect(JSON.parse(JSON.stringify(outcomeJson(incomplete)))).toMatchObject({
    verdict: "incomplete",
    stoppedBy: "nothing",
    completeness: "unproved",
    filterDialect: "pcap",
    coverage: { oldestPacket: null, gaps: [{ start: "2026-01-02T03:04:05Z", reason: "aged-out" }, {}] },
    damage: [{ file: "1767323045", thread: 1, block: 3, offset: 3_145_728, losesPackets: true }],
    missing,
  });
  expect(outcomeJson(badRow)).toMatchObject({ verdict: "bad-row", missing: null, uid: null, own: {} });
});

it("JSON has the columns of the user's own by themselves, where none can be taken for ours", () => {
  const row = { ...complete.row, own: ["4711"] };
  expect(outcomeJson({ ...complete, row }, ["alert_id"])).toMatchObject({
    uid: "u1",
    own: { alert_id: "4711" },
  });
});

it("the table has a line a row and counts the verdicts", () => {
  expect(outcomesTable([complete, truncated, empty, incomplete, badRow])).toBe(
    `row  verdict     packets     size  filter             file or error
1    complete      1,234  2.0 KiB  port 53            0001-port-53.pcap
2    truncated     1,234  2.0 KiB  tcp                0002-tcp.pcap (the server's own limit)
3    no-packets        0     24 B  (every packet)     0003-all.pcap
1    incomplete    1,234  2.0 KiB  port 53            0001-port-53.pcap (damage on the sensor; 2 gaps)
4    bad-row                       say "port", twice  line 5: no
5 rows: 1 complete, 1 truncated, 1 no-packets, 1 incomplete, 1 bad-row
`,
  );
});

it("what is kept of an earlier run has its verdict, and says that it is kept", () => {
  expect(outcomeLine(kept)).toBe(
    "row 2 (line 3): truncated: 1,234 packets, 0002-tcp.pcap (kept; the limit of 1,234 packets that was asked for)",
  );
  const lacking = { ...kept.kept, verdict: "complete", stoppedBy: "nothing" } as NonNullable<
    BatchOutcome["kept"]
  >;
  expect(outcomeLine({ ...kept, verdict: "complete", kept: lacking })).toMatch(
    /\(kept; not all; see results\.csv\)$/,
  );
  expect(outcomesTable([complete, kept])).toMatch(
    /^2 {4}truncated .* 1,234 {2}2\.0 KiB {2}tcp .*\(kept; .*\n2 rows: 1 complete, 1 truncated; 1 kept\n$/m,
  );
  expect(outcomeJson(kept)).toMatchObject({
    verdict: "truncated",
    kept: true,
    packets: 1234,
    bytes: 2048,
    stoppedBy: "max-packets",
    missing: "the sensor has nothing before noon",
    error: null,
  });
  expect(outcomeJson(complete)).toMatchObject({ verdict: "complete", kept: false });
});

it("progress names the row, its line and what came of it", () => {
  expect(outcomeLine(complete)).toBe("row 1 (line 2): complete: 1,234 packets, 0001-port-53.pcap");
  expect(outcomeLine(incomplete)).toMatch(
    /incomplete: 1,234 packets, .*pcap \(damage on the sensor; 2 gaps\)$/,
  );
  const nothing = {
    ...complete,
    result: { ...result, covered: "none", filter: "", recordsSeen: 0 } as const,
  };
  expect(outcomeLine(nothing)).toMatch(/pcap \(the sensor has nothing of this window\)$/);
  expect(outcomeLine(badRow)).toBe("row 4: bad-row: line 5: no");
});
