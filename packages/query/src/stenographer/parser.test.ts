import { describe, expect, it } from "vitest";
import { maxFilterLength } from "../limits.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { FilterSyntaxError } from "../syntax-error.js";

function problemOf(text: string): FilterSyntaxError {
  try {
    parseFilter(text);
  } catch (problem) {
    if (problem instanceof FilterSyntaxError) return problem;
    throw problem;
  }
  throw new Error(`accepted ${text.slice(0, 80)}`);
}

describe("parseFilter", () => {
  it("gives a tree of plain data", () => {
    expect(parseFilter("host 10.0.0.1 and (net 2001:db8::5/32 or before 1970-01-01T00:00:01Z)")).toEqual({
      kind: "and",
      left: { kind: "host", address: { version: 4, value: 0x0a000001 } },
      right: {
        kind: "or",
        left: { kind: "net", address: { version: 6, words: [0x20010db8, 0, 0, 0] }, prefixLength: 32 },
        right: { kind: "before", time: { kind: "absolute", timestampNs: 1_000_000_000n } },
      },
    });
    expect(parseFilter("port 1||vlan 2&&mpls 3")).toEqual({
      kind: "and",
      left: { kind: "or", left: { kind: "port", port: 1 }, right: { kind: "vlan", id: 2 } },
      right: { kind: "mpls", label: 3 },
    });
    expect(parseFilter("ip proto 47")).toEqual({ kind: "ip-proto", protocol: 47 });
    expect(parseFilter("after 90m ago")).toEqual({
      kind: "after",
      time: { kind: "ago", nanoseconds: 5_400_000_000_000n, text: "90m" },
    });
  });

  it("joins from left to right, with equal weight for and and or", () => {
    expect(printFilter(parseFilter("tcp or udp and icmp or port 1"))).toBe(
      "(((tcp or udp) and icmp) or port 1)",
    );
    expect(printFilter(parseFilter("tcp or (udp and icmp) or port 1"))).toBe(
      "((tcp or (udp and icmp)) or port 1)",
    );
  });

  it.each([
    ["tcp not port 80", 4, "negation"],
    ["not port 80", 0, "negation"],
    ["tcp and !udp", 8, "negation"],
    ["src port 80", 0, "direction"],
    ["tcp and dst host 1.2.3.4", 8, "direction"],
    ["portrange 80-90", 4, "no ranges"],
    ["port 80-90", 5, "no ranges"],
    ["port 80,443", 7, "port 80 or port 443"],
    ["port http", 5, "write the number"],
    ["port 0x50", 6, "decimal"],
    ["port (80 or 443)", 5, "Repeat the word: (port 1 or port 2)"],
    ["host example.com", 5, "does no DNS"],
    ["host localhost", 5, "does no DNS"],
    ["host 2001:DB8::1", 5, "lower case"],
    ["host 1.2.3.4/24", 12, "net, not host"],
    ["host 1.2.3.4:80", 5, "port NUMBER"],
    ["host 1.2.3.4and tcp", 5, "space before"],
    ["host 2001:db8::1and tcp", 17, "space before"],
    ["10.0.0.1", 0, '"host 10.0.0.1"'],
    ["tcp and 80", 8, '"port 80"'],
    ["net 10.0.0.0", 12, "/24"],
    ["net 10/8", 4, "four numbers"],
    ["net 10.0.0.0/255.0.0.0", 13, "mask"],
    ["net 10.0.0.0mask 255.0.0.0", 4, 'space before "mask"'],
    ["net 10.0.0.0 mask 255.0.255.0", 18, "ones must all be in front"],
    ["net 10.0.0.0 mask ::", 18, "prefix length"],
    ["TCP", 0, "lower case: tcp"],
    ["tcp AND udp", 4, "lower case: and"],
    ["ip6", 0, "net ::/0"],
    ["icmp6", 4, "ip proto 58"],
    ["tcp or icmp6", 11, "ip proto 58"],
    ["arp", 0, "no index"],
    ["tcp[13] & 2 != 0", 3, "no index"],
    ["tcp port 80", 4, "Join the two parts"],
    ["tpc", 0, 'Did you mean "tcp"?'],
    ["hots 1.2.3.4", 0, 'Did you mean "host"?'],
    ["tcp & udp", 4, "&&"],
    ["tcp | udp", 4, "||"],
    ["tcp # web", 4, "no comments"],
    ["tcp\u00a0and udp", 3, "no plain space"],
    ["host fe80::1%eth0", 12, "zone"],
    ["(tcp", 4, 'The "(" at column 1 is not closed'],
    ["tcp)", 3, 'No "(" is open'],
    ["after 2015-01-01", 6, "2015-01-01T00:00:00Z"],
    ["after 2015-01-01T13:14:15", 6, "add Z"],
    ["after 2015-01-01T13:14Z", 6, "seconds"],
    ["after 2015-01-01T13:14", 6, "seconds"],
    ["after 2015-01-01t13:14:15z", 6, "upper case"],
    ["after 2015-01-01T13:14:15+0100", 6, "+01:00"],
    ["after 2016-12-31T23:59:60Z", 6, "leap"],
    ["after 2015-02-29T00:00:00Z", 6, "no such time"],
    ["after 2015-01-01T13:14:15Zand tcp", 6, "space before"],
    ["after 1420118055", 6, "not a number"],
    ["after 5 m ago", 6, "no space"],
    ["after 5s ago", 6, "whole minutes"],
    ["after 5d ago", 6, "whole minutes"],
    ["after 1h30m ago", 8, "90m ago"],
    ["after 9999999h ago", 6, "2562047h"],
    ["after 5m", 8, "5m ago"],
    ["last 5m", 0, "after 5m ago"],
  ])("refuses %s and says what to do", (text, offset, hint) => {
    const problem = problemOf(text);
    expect(problem.offset).toBe(offset);
    expect(problem.hint).toContain(hint);
    expect(problem.message).toContain(hint);
  });

  it("says where Stenographer would stop reading", () => {
    expect(problemOf("tcp xyz").message).toBe(
      'unexpected "xyz" at column 5: expected "and", "or" or end of filter. ' +
        "Stenographer would stop reading here and drop the rest",
    );
    // In a parenthesis it refuses by itself.
    expect(problemOf("(tcp xyz)").message).not.toContain("Stenographer");
  });

  it("names what could have stood there", () => {
    expect(problemOf("").expected).toContain("host");
    expect(problemOf("tcp udp").expected).toEqual(["and", "or", "end of filter"]);
    expect(problemOf("(tcp udp)").expected).toEqual(["and", "or", ")"]);
    expect(problemOf("net 1.2.3.4 tcp").expected).toEqual(["/", "mask"]);
    expect(problemOf("port 65536").expected).toEqual(["a number from 0 to 65535"]);
  });

  it("reads a filter of 64 KiB, and refuses one more character", () => {
    const text = `tcp${" ".repeat(maxFilterLength - 3)}`;
    expect(parseFilter(text)).toEqual({ kind: "protocol", name: "tcp" });
    const problem = problemOf(`${text} `);
    expect(problem.message).toMatch(/^filter too long: 65537 characters, the limit is 65536/);
    expect(problem.offset).toBe(maxFilterLength);
  });

  it("refuses a filter that would grow past 64 KiB when printed", () => {
    const joined = (count: number) => Array<string>(count).fill("tcp").join("||");
    expect(printFilter(parseFilter(joined(7000)))).toHaveLength(3 + 6999 * 9);
    expect(problemOf(joined(8000)).message).toMatch(
      /^filter too long: 71994 characters when written out in full/,
    );
  });

  it("copes with any nesting a text of 64 KiB can have", () => {
    expect(parseFilter(`${"(".repeat(32_000)}tcp${")".repeat(32_000)}`)).toEqual({
      kind: "protocol",
      name: "tcp",
    });
    expect(problemOf(`${"(".repeat(65_000)}tcp`).message).toContain("is not closed");
    expect(problemOf("(".repeat(100_000)).message).toContain("too long");
    const toTheRight = `${"(tcp or ".repeat(5000)}udp${")".repeat(5000)}`;
    expect(printFilter(parseFilter(toTheRight))).toBe(toTheRight);
    const toTheLeft = `${"(".repeat(5000)}udp${" or tcp)".repeat(5000)}`;
    expect(printFilter(parseFilter(toTheLeft))).toBe(toTheLeft);
  });
});

describe("FilterSyntaxError", () => {
  it("draws a caret under the place", () => {
    expect(problemOf("port 80,443").render()).toBe("port 80,443\n       ^");
    expect(problemOf("tcp and").render()).toBe("tcp and\n       ^");
  });

  it("counts lines and columns from 1 and shows the one line", () => {
    const problem = problemOf("tcp and\n\tport http or\nudp");
    expect(problem).toMatchObject({ kind: "filter-syntax", offset: 14, line: 2, column: 7 });
    expect(problem.message).toContain("line 2, column 7");
    expect(problem.render()).toBe("\tport http or\n\t     ^");
  });

  it("shows the part of a long line that is around the place", () => {
    const text = `${"tcp or ".repeat(50)}nonsense${" or tcp".repeat(50)}`;
    const [line = "", caret = ""] = problemOf(text).render().split("\n");
    expect(line.length).toBeLessThan(140);
    expect(line.startsWith("...") && line.endsWith("...")).toBe(true);
    expect(line.slice(caret.indexOf("^"))).toMatch(/^nonsense/);
  });

  it("passes no control character on", () => {
    const problem = problemOf("tcp \u001b[31m\u0000\u009b and udp");
    expect(problem.text).toContain("\u001b");
    for (const shown of [problem.message, problem.render()]) {
      expect(shown.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  });
});
