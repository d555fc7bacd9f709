import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeLabCapture } from "../../test-support/lab.js";
import { window } from "../../test-support/results.js";
import { keptAnswer } from "./kept-answer.js";
import { windowText } from "./read-requests.js";
import type { ResultLine } from "./results-csv.js";
import type { RowTask } from "./row-task.js";

let folder: string;
let task: RowTask;
let line: ResultLine;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-kept-"));
  const capture = writeLabCapture(folder);
  writeFileSync(join(folder, "0001-udp.pcap"), capture);
  task = {
    row: { row: 1, line: 2, filter: "udp", options: {}, request: window, own: [] },
    window,
    opened: {} as RowTask["opened"], // nothing is asked
    folder,
    file: "0001-udp.pcap",
    options: { config: "c" },
    dialect: "pcap",
    asked: "server a:1; dialect pcap",
  };
  line = {
    row: "1",
    filter: "udp",
    window: windowText(task.row),
    verdict: "complete",
    packets: "20",
    bytes: String(capture.length),
    sha256: createHash("sha256").update(capture).digest("hex"),
    file: "0001-udp.pcap",
    error: "",
    missing: "",
    stoppedBy: "nothing",
    asked: "server a:1; dialect pcap",
    uid: "u1",
  };
});

afterAll(() => rmSync(folder, { recursive: true }));

it("keeps what was asked the same way, and whose file is unchanged", async () => {
  expect(await keptAnswer(line, task)).toEqual({
    verdict: "complete",
    packets: 20,
    bytes: Number(line.bytes),
    sha256: line.sha256,
    missing: null,
    stoppedBy: "nothing",
    uid: "u1",
  });
});

it.each([["max-bytes"], ["max-packets"], ["server-limit"]])("keeps what %s truncated", async (stoppedBy) => {
  expect(await keptAnswer({ ...line, verdict: "truncated", stoppedBy }, task)).toMatchObject({ stoppedBy });
});

it.each<[string, ResultLine]>([
  ["with another filter", { filter: "udp " }],
  ["with another window", { window: "2026-01-02T03:04:05Z/2026-01-02T03:04:06Z" }],
  ["with other options", { asked: "server a:1; dialect pcap; nanoseconds" }],
  ["of another file", { file: "../0001-udp.pcap" }],
  ["with another SHA-256", { sha256: "ab".repeat(32) }],
  ["with another size", { bytes: "24" }],
  ["with another number of packets", { packets: "19" }],
  ["that failed", { verdict: "failed" }],
  ["that was canceled", { verdict: "canceled" }],
  ["that was never asked", { verdict: "bad-row" }],
  ["that is incomplete", { verdict: "incomplete" }],
  ["that the hour's budget cut", { verdict: "truncated", stoppedBy: "budget" }],
  ["that contradicts itself", { verdict: "truncated" }],
  ["without a number", { packets: "" }],
])("does not keep a row %s", async (_, change) => {
  expect(await keptAnswer({ ...line, ...change }, task)).toBeUndefined();
});

it("does not keep a row of an earlier version, which did not write down how it was asked", async () => {
  const { asked: _, ...old } = line;
  expect(await keptAnswer(old, task)).toBeUndefined();
  expect(await keptAnswer(undefined, task)).toBeUndefined();
});

it("does not keep a row whose filter asks for something else by now", async () => {
  const filter = "udp and before 45m ago";
  const row = { ...task.row, filter };
  expect(await keptAnswer({ ...line, filter }, { ...task, row })).toBeUndefined();
  const fixed = "udp and before 2026-01-02T03:04:08Z";
  const same = { ...task, row: { ...row, filter: fixed } };
  expect(await keptAnswer({ ...line, filter: fixed }, same)).toBeDefined();
});

it("does not keep a row whose file is gone", async () => {
  const file = "0002-udp.pcap";
  expect(await keptAnswer({ ...line, file }, { ...task, file })).toBeUndefined();
});

it("does not keep a row without its manifest where one is wanted, or with one of something else", async () => {
  const options = { ...task.options, manifest: true };
  expect(await keptAnswer(line, { ...task, options })).toBeUndefined();
  const manifest = join(folder, "0001-udp.pcap.manifest.json");
  writeFileSync(manifest, '{ "format": "stenogrpc-manifest" }');
  expect(await keptAnswer(line, task)).toBeUndefined();
  rmSync(manifest);
});
