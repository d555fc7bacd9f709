import type { CoverageGap, FetchResult } from "@stenogrpc/client/node";
import { describe, expect, it } from "vitest";
import { gap, lost, result, window } from "../../test-support/results.js";
import { exitCodeOf, resultText, savedJson } from "./result.js";

const text = (change: Partial<FetchResult>) => resultText({ ...result, ...change }, "a.pcap");

describe("a result in words", () => {
  it("has nothing to add to an answer that is whole and proved, but that it is", () => {
    expect(text({ completeness: "proved" })).toBe(
      `complete: 1,234 packets, 2.0 KiB in a.pcap
  from   2026-01-02T03:04:05Z to 2026-01-02T03:04:05Z
  filter port 53 (tcpdump's language)
  sha256 ${"ab".repeat(32)}
  sensor lab (directory), uid a-1
  note   proved: the sensor counted by other means what it should give, and gave that`,
    );
  });

  it("says whether the filter looked through VLAN tags, and nothing of a filter where there was none", () => {
    expect(resultText(result, "a.pcap", true)).toContain(
      "  filter port 53 (tcpdump's language, through VLAN tags)\n",
    );
    expect(text({ filter: "", filterDialect: undefined })).not.toContain("  filter ");
  });

  it("warns of what the answer lacks", () => {
    const lines = text({
      shortcomings: ["the sensor has nothing before noon", "file \u001b[2J: bad length"],
    }).split("\n");
    expect(lines).toContain("  warning the sensor has nothing before noon");
    expect(lines).toContain("  warning file \uFFFD[2J: bad length");
  });

  it("repeats no warning of the server's that is in the answer's shortcomings", () => {
    const tagged = "27 packets match only behind a VLAN tag";
    const lines = text({ shortcomings: [tagged], warnings: [tagged, "another"] }).split("\n");
    expect(lines.filter((line) => line.includes(tagged))).toEqual([`  warning ${tagged}`]);
    expect(lines).toContain("  note   another");
  });

  it("notes damage that cost no packets, file and all fit for a terminal", () => {
    const harmless = { file: "\u001b[2J", thread: 0, what: "no\nindex", losesPackets: false };
    const lines = text({ verdict: "incomplete", damage: [harmless, lost] }).split("\n");
    expect(lines[0]).toBe(
      "incomplete, damage on the sensor cost packets that may have matched: 1,234 packets, 2.0 KiB in a.pcap",
    );
    expect(lines).toContain("  note   file \uFFFD[2J of thread 0: no\uFFFDindex");
  });

  it("says that a limit cut an answer, and by which once only", () => {
    const shortcomings = ["the server's own limit cut the answer"];
    const cut = { stoppedBy: "server-limit", shortcomings } as const;
    expect(text({ verdict: "incomplete", damage: [lost], ...cut })).toMatch(
      /^incomplete, .*, and a limit cut it: /,
    );
    const lines = text({ verdict: "truncated", ...cut });
    expect(lines).toMatch(/^truncated, there are more: 1,234 packets/);
    expect(lines.match(/limit/g)).toHaveLength(1);
  });

  it("does not call a window empty that the sensor has not all of", () => {
    const none = { verdict: "no-packets", packets: 0 } as const;
    expect(text(none)).toMatch(/^no packets \(complete: nothing in the window matches\)/);
    expect(text({ ...none, coverage: { gaps: [gap] } })).toMatch(
      /^no packets \(nothing matches that the sensor has in the window\)/,
    );
  });

  it("says of a window of which the sensor has nothing that, once, and not that there are no packets", () => {
    const nothing = "the sensor has nothing of this window";
    const none = { verdict: "no-packets", packets: 0, covered: "none", filter: "" } as const;
    const shortcomings = [nothing, "the newest packet is 5 days old"];
    const lines = text({ ...none, recordsSeen: 0, shortcomings });
    expect(lines).toMatch(/^the sensor has nothing of this window: 0 packets, /);
    expect(lines.split(nothing)).toHaveLength(2);
    expect(lines).toContain("\n  warning the newest packet is 5 days old");
  });

  it("does not call a window empty of which the role may not see all, and says so once only", () => {
    const sees = "this client's role sees only packets that match net 10.0.0.0/8";
    const none = { verdict: "no-packets", packets: 0, policyFilter: "net 10.0.0.0/8" } as const;
    const lines = text({ ...none, payloadLimitBytes: 0, shortcomings: [sees] });
    expect(lines).toMatch(
      /^no packets that your role may see \(nothing that it may see in the window matches\)/,
    );
    expect(lines.match(/10\.0\.0\.0/g)).toHaveLength(1);
    expect(lines).not.toContain("cut");
  });

  it("says where the sensor does not know what it has; of an original server it says that anyway", () => {
    const unknown = "  note   the sensor does not know whether it has all of the window";
    expect(text({ coverage: undefined })).toContain(unknown);
    expect(text({ coverage: undefined, verification: "structure-only" })).not.toContain(unknown);
  });
});

describe("a result as JSON", () => {
  it("has all of it, times in RFC 3339, null for what is not known", () => {
    const notYet: CoverageGap = { ...gap, reason: "not-yet-written", expectedAtNs: window.endNs };
    const coverage = { oldestPacketNs: window.startNs, gaps: [gap, notYet] };
    const json = JSON.parse(JSON.stringify(savedJson({ ...result, coverage, damage: [lost] }, "a.pcap")));
    expect(json).toMatchObject({
      filterDialect: "pcap",
      completeness: "unproved",
      coverage: {
        oldestPacket: "2026-01-02T03:04:05Z",
        newestPacket: null,
        gaps: [
          {
            start: "2026-01-02T03:04:05Z",
            end: "2026-01-02T03:04:15Z",
            reason: "aged-out",
            expectedAt: null,
          },
          { reason: "not-yet-written", expectedAt: "2026-01-02T03:05:05Z" },
        ],
      },
      damage: [lost],
    });
    const unknown = { coverage: undefined, filterDialect: undefined };
    const bare = JSON.parse(JSON.stringify(savedJson({ ...result, ...unknown }, "a.pcap")));
    expect(bare).toMatchObject({ coverage: null, filterDialect: null, damage: [] });
  });
});

it.each([
  ["complete", 0],
  ["no-packets", 3],
  ["truncated", 4],
  ["incomplete", 5],
] as const)("the exit code of %s is %i", (verdict, code) => {
  expect(exitCodeOf({ ...result, verdict })).toBe(code);
});
