import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type IpAddress, printIpAddress } from "../address.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";
import { FilterSyntaxError } from "../syntax-error.js";
import { type FilterNode, isBinary, type PrimitiveNode } from "./ast.js";

interface Case {
  readonly query: string;
  readonly accepted: boolean;
  /** What Stenographer printed as its own understanding. */
  readonly parsedAs?: string;
  readonly note?: string;
}

const cases = readFileSync(new URL("../../fixtures/query-conformance.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Case); // the file is ours

/** Queries that Stenographer accepts and we refuse: why, and at which offset. */
const refused: Readonly<Record<string, { reason: string; offset: number }>> = {
  "tcp\u00a0and udp": { reason: "drops the rest from the no-break space on", offset: 3 },
  "tcp\u0000and port 80": { reason: "drops the rest from the NUL on", offset: 3 },
  "tcp xyz": { reason: "drops the rest", offset: 4 },
  "tcp;udp": { reason: "drops the rest", offset: 3 },
  "tcp # comment": { reason: "drops the rest: there are no comments", offset: 4 },
  "tcp , udp": { reason: "drops the rest", offset: 4 },
  "tcp & port 80": { reason: "drops the rest: a single & is no operator", offset: 4 },
  "tcp | udp": { reason: "drops the rest: a single | is no operator", offset: 4 },
  "tcp ! port 80": { reason: "drops the rest: there is no negation", offset: 4 },
  "port 80 not host 1.2.3.4": { reason: "drops the rest: there is no negation", offset: 8 },
  "port 80 $": { reason: "drops the rest", offset: 8 },
  "tcp src port 80": { reason: "drops the rest: there is no direction", offset: 4 },
  "tcp dst host 1.2.3.4": { reason: "drops the rest: there is no direction", offset: 4 },
  "port 80 xor port 81": { reason: "drops the rest", offset: 8 },
  "port 80 zzz and and and ((": { reason: "drops the rest", offset: 8 },
  "tcp ab": { reason: "drops the rest: hex letters that are no number", offset: 4 },
  "tcp abc and udp": { reason: "drops the rest: hex letters that are no number", offset: 4 },
  "tcp` id`": { reason: "drops the rest", offset: 3 },
  "tcp\\": { reason: "drops the rest", offset: 3 },
  "tcp \u00e9": { reason: "drops the rest", offset: 4 },
  "host 2001:db8::and": { reason: "takes the a of and into the address and drops the rest", offset: 16 },
  "host 2001:db8::aand tcp": { reason: "takes the a of and into the address and drops the rest", offset: 17 },
  "host fe80::1%eth0": { reason: "drops the zone", offset: 12 },
  "port 80,443": { reason: "drops the second port", offset: 7 },
  "tcp[13] & 2 != 0": { reason: "drops the condition", offset: 3 },
  "after 1m agoo": { reason: "drops the last letter", offset: 12 },
  "before 2015-01-01T13:14:15Z,": { reason: "drops the comma", offset: 27 },
  "net 1.2.3.4 mask 255.0.255.0": { reason: "searches a range, not what the mask says", offset: 17 },
  "net 1.2.3.4 mask 0.0.0.255": { reason: "searches a range, not what the mask says", offset: 17 },
  "before 0001-01-01T00:00:00Z": { reason: "takes Go's zero time for no limit: everything", offset: 7 },
};

/** Queries that mean the same to both, though Stenographer prints another thing. */
const printedOtherwise: Readonly<Record<string, string>> = {
  // Its zero time is no limit, and everything is after the year 1.
  "after 0001-01-01T00:00:00Z": "after 0001-01-01T00:00:00Z",
};

describe("against what the real Stenographer answered", () => {
  it("has every case of the fixture, and no difference that is not in it", () => {
    expect(cases).toHaveLength(287);
    const queries = new Set(cases.map(({ query }) => query));
    const listed = [...Object.keys(refused), ...Object.keys(printedOtherwise)];
    expect(listed.filter((query) => !queries.has(query))).toEqual([]);
  });

  it.each(cases.filter(({ accepted }) => !accepted).map(({ query }) => [query]))(
    "refuses %j too",
    (query) => {
      expect(() => parseFilter(query)).toThrow(FilterSyntaxError);
    },
  );

  const taken = cases.filter(({ query, accepted }) => accepted && !Object.hasOwn(refused, query));
  it.each(taken.map(({ query, parsedAs }) => [query.slice(0, 120), query, parsedAs] as const))(
    "reads %j the same",
    (_title, query, parsedAs) => {
      const filter = parseFilter(query);
      const other = Object.hasOwn(printedOtherwise, query) ? printedOtherwise[query] : parsedAs;
      // Where it did not say what it understood: relative times, and the two very long ones.
      if (other === undefined) expect(printFilter(filter)).toBe(expectedWithoutWord(query));
      else expect(asStenographerPrints(filter)).toBe(inUtc(other));
    },
  );

  it.each(Object.entries(refused))(
    "refuses %j, of which Stenographer makes another query",
    (query, { offset }) => {
      expect(cases.find((item) => item.query === query)?.accepted).toBe(true);
      const problem = problemOf(query);
      expect(problem.offset).toBe(offset);
      expect(problem.text).toBe(query);
    },
  );
});

function problemOf(query: string): FilterSyntaxError {
  try {
    parseFilter(query);
  } catch (problem) {
    if (problem instanceof FilterSyntaxError) return problem;
    throw problem;
  }
  throw new Error(`accepted ${query}`);
}

const relativeTimes: Readonly<Record<string, string>> = {
  "after 3h ago": "after 3h ago",
  "after 5mago": "after 5m ago",
  "after5m ago": "after 5m ago",
  before3hago: "before 3h ago",
  "after 1m ago": "after 1m ago",
  "before 1m ago": "before 1m ago",
  "before 0h ago": "before 0h ago",
  "after 05m ago": "after 5m ago",
  "after 2562047h ago": "after 2562047h ago",
  "after 153722867m ago": "after 153722867m ago",
};

function expectedWithoutWord(query: string): string | undefined {
  if (/^\(+tcp\)+$/.test(query)) return "tcp";
  if (query.startsWith("port 1 or port 2 or ")) {
    const others = Array.from({ length: 1999 }, (_, i) => ` or port ${i + 2})`);
    return `${"(".repeat(others.length)}port 1${others.join("")}`;
  }
  return relativeTimes[query];
}

/** Stenographer's own way to print a query: ranges for addresses, numbers for protocols, whole seconds. */
function asStenographerPrints(node: FilterNode): string {
  if (isBinary(node)) {
    return `(${asStenographerPrints(node.left)} ${node.kind} ${asStenographerPrints(node.right)})`;
  }
  return primitiveAsStenographerPrints(node);
}

function primitiveAsStenographerPrints(node: PrimitiveNode): string {
  switch (node.kind) {
    case "host":
      return `host ${printIpAddress(node.address)}-${printIpAddress(node.address)}`;
    case "net":
      return `host ${printIpAddress(node.address)}-${printIpAddress(lastAddress(node.address, node.prefixLength))}`;
    case "protocol":
      return `ip proto ${{ icmp: 1, tcp: 6, udp: 17 }[node.name]}`;
    case "before":
    case "after":
      return printFilter(node).replace(/\.[0-9]+Z/, "Z");
    default:
      return printFilter(node);
  }
}

function lastAddress(address: IpAddress, prefixLength: number): IpAddress {
  const words = address.version === 4 ? [address.value] : [...address.words];
  for (let bit = prefixLength; bit < 32 * words.length; bit++) {
    words[bit >> 5] = ((words[bit >> 5] ?? 0) | (1 << (31 - (bit & 31)))) >>> 0;
  }
  const [a = 0, b = 0, c = 0, d = 0] = words;
  return address.version === 4 ? { version: 4, value: a } : { version: 6, words: [a, b, c, d] };
}

/** Stenographer keeps the offset a time was given with; we print UTC. */
function inUtc(text: string): string {
  return text.replace(
    /([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})([+-])([0-9]{2}):([0-9]{2})/g,
    (_all, local: string, sign: string, hours: string, minutes: string) => {
      const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
      return new Date(new Date(`${local}Z`).getTime() - offsetMs).toISOString().replace(".000Z", "Z");
    },
  );
}
