import { describe, expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { type ResultFields, readResults, resultsCsv } from "./results-csv.js";

const fields: ResultFields = {
  row: 1,
  filter: 'say "port",\ntwice',
  window: "2026-01-02T03:04:05Z/2026-01-02T03:05:05Z",
  verdict: "complete",
  packets: 3,
  bytes: 204,
  sha256: "ab",
  file: "0001-say.pcap",
  error: null,
  missing: null,
  stoppedBy: "nothing",
  asked: "server a:1",
  uid: "u1",
};

describe("results.csv of an earlier run", () => {
  it("is read as it was written", () => {
    const [line, ...rest] = readResults(resultsCsv([{ fields, own: [] }]), "results.csv");
    expect(line).toEqual({ ...fields, row: "1", packets: "3", bytes: "204", error: "", missing: "" });
    expect(rest).toEqual([]);
  });

  it("may have columns of the user's own behind ours", () => {
    const text = resultsCsv([{ fields, own: ["4711", 'say "a"'] }], ["alert_id", "Note, if any"]);
    expect(text.split("\n")[0]).toMatch(/,uid,alert_id,"Note, if any"$/);
    expect(readResults(text, "results.csv")).toMatchObject([{ row: "1", alert_id: "4711", uid: "u1" }]);
  });

  it("may lack columns that an earlier version did not have", () => {
    const head = "row,filter,window,verdict,packets,bytes,sha256,file,error";
    const [line] = readResults(`${head}\n1,udp,w,complete,3,204,ab,0001-udp.pcap,\n`, "results.csv");
    expect(line).toMatchObject({ filter: "udp", file: "0001-udp.pcap" });
    expect(line?.asked).toBeUndefined();
  });

  it.each(["", "a,b\n1,2\n", 'row,filter\n"1'])("is not %j", (text) => {
    expect(() => readResults(text, "x.csv")).toThrow(UsageError);
    expect(() => readResults(text, "x.csv")).toThrow("x.csv: is no results.csv of an earlier run");
  });
});
