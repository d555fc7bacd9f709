import { expect, it } from "vitest";
import { prettyLogLine } from "./pretty-log.js";

it("puts time, level and message first, then the other fields", () => {
  const line = JSON.stringify({
    level: 30,
    time: 1_767_323_045_123,
    pid: 1,
    hostname: "h",
    uid: "a-1",
    filter: "port 53",
    packets: 3,
    msg: "retrieval ended",
  });
  expect(prettyLogLine(line)).toBe('03:04:05.123 INFO  retrieval ended uid=a-1 filter="port 53" packets=3\n');
});

it("keeps control characters off the terminal", () => {
  const line = JSON.stringify({ level: 40, time: 0, msg: "x", uid: "\u001b[2J" });
  expect(prettyLogLine(line)).not.toContain("\u001b");
});

it("passes on what is not JSON", () => {
  expect(prettyLogLine("plain\n")).toBe("plain\n");
});
