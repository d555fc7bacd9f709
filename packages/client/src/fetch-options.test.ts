import { describe, expect, it } from "vitest";
import { hour, noonNs, second } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { type FetchPcapOptions, planExplain, planFetch } from "./fetch-options.js";
import type { FilterText } from "./filter-dialect.js";

const plan = (options: Record<string, unknown>) => planFetch({ ...hour, ...options } as FetchPcapOptions, {}); // wrong on purpose in places

it.each(["", "  ", "\n", { dialect: "pcap", toString: () => "" } as const])(
  "refuses the empty filter %j, which would get every packet",
  (filter) => {
    expect(() => plan({ filter })).toThrow(/filter: is empty; leave it out/);
  },
);

describe("planFetch", () => {
  it("keeps what it is given", () => {
    const signal = new AbortController().signal;
    const given = {
      filter: "port 443",
      dialect: "stenographer",
      vlanTransparent: true,
      restoreVlanTags: true,
      timestampResolution: "nanoseconds",
      reason: "case 4711",
      retryForMs: 7,
      retryOutages: true,
      requireCoverage: true,
      maxBytes: 24,
      maxPackets: 1,
      chunkBytes: 65_536,
      uid: "a.b",
      signal,
      timeoutMs: 5,
    };
    const { window, ...rest } = plan(given);
    expect(rest).toEqual(given);
    expect(window).toEqual({ startNs: noonNs, endNs: noonNs + 3600n * second });
  });

  it("makes a UUID where no uid is given, another each time", () => {
    const uids = new Set([plan({}).uid, plan({}).uid]);
    expect(uids.size).toBe(2);
    for (const uid of uids) expect(uid).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("takes the client's time limit where the call has none", () => {
    expect(planFetch(hour, { timeoutMs: 7 }).timeoutMs).toBe(7);
    expect(planFetch({ ...hour, timeoutMs: 9 }, { timeoutMs: 7 }).timeoutMs).toBe(9);
  });

  it("prints a filter object by its toString", () => {
    const filter = { node: { kind: "port", port: 443 }, dialect: "pcap", toString: () => "(port 443)" };
    expect(plan({ filter }).filter).toBe("(port 443)");
  });

  it("leaves tags, times and coverage as they come where nothing is said", () => {
    expect(plan({})).toMatchObject({
      vlanTransparent: false,
      restoreVlanTags: false,
      timestampResolution: undefined,
      reason: undefined,
      retryForMs: 0,
      retryOutages: false,
      requireCoverage: false,
    });
  });

  it("names the nearest known key for an unknown one", async () => {
    const failure = await failureOf(() => plan({ maxByte: 5000 }));
    expect(failure.reason).toBe("OPTIONS_INVALID");
    expect(failure.message).toBe('fetchPcap: unknown key "maxByte"; did you mean "maxBytes"?');
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ from: undefined }, /^fetchPcap: from: write a Date, an ISO string with a zone/],
    [{ to: {} }, /^fetchPcap: to: write a Date/],
    [{ filter: 80 }, /^fetchPcap: filter: write filter text/],
    [{ filter: { kind: "port", port: 80 } }, /^fetchPcap: filter: write filter text/],
    [{ filter: ["port 53"] }, /^fetchPcap: filter: write filter text/],
    [{ filter: new Date() }, /^fetchPcap: filter: write filter text/],
    [{ filter: () => "port 53" }, /^fetchPcap: filter: write filter text/],
    [{ filter: { toString: () => "port 53" } }, /^fetchPcap: filter: write filter text/],
    [{ filter: { dialect: "pcap" } }, /^fetchPcap: filter: write filter text/],
    [{ dialect: "bpf" }, /^fetchPcap: dialect: .*"pcap"\|"stenographer"/],
    [{ vlanTransparent: 1 }, /^fetchPcap: vlanTransparent: /],
    [{ timestampResolution: "ns" }, /^fetchPcap: timestampResolution: /],
    [{ reason: "" }, /^fetchPcap: reason: /],
    [{ reason: "x".repeat(1025) }, /^fetchPcap: reason: /],
    [{ requireCoverage: "yes" }, /^fetchPcap: requireCoverage: /],
    [{ maxBytes: 23 }, /^fetchPcap: maxBytes: .*24/],
    [{ maxBytes: 99.5 }, /^fetchPcap: maxBytes: /],
    [{ maxPackets: 0 }, /^fetchPcap: maxPackets: /],
    [{ chunkBytes: 17_000_000 }, /^fetchPcap: chunkBytes: /],
    [{ uid: "../../x" }, /^fetchPcap: uid: write 1 to 128 characters/],
    [{ uid: ".hidden" }, /^fetchPcap: uid: /],
    [{ uid: "" }, /^fetchPcap: uid: /],
    [{ uid: "a".repeat(129) }, /^fetchPcap: uid: /],
    [{ signal: {} }, /^fetchPcap: signal: pass an AbortSignal/],
    [{ timeoutMs: 0 }, /^fetchPcap: timeoutMs: /],
    [{ timeoutMs: 2 ** 31 }, /^fetchPcap: timeoutMs: /],
  ])("refuses %j", async (options, message) => {
    const failure = await failureOf(() => plan(options));
    expect(failure).toMatchObject({ reason: "OPTIONS_INVALID", code: "invalid_argument", retryable: false });
    expect(failure.message).toMatch(message);
  });

  it("refuses a window that ends before it starts, and an empty one", async () => {
    const backwards = await failureOf(() => plan({ from: hour.to, to: hour.from }));
    expect(backwards.reason).toBe("WINDOW_INVALID");
    expect(backwards.message).toBe(
      "from must lie before to: `to` is 3600 s earlier (from is included, to is not)",
    );
    const empty = await failureOf(() => plan({ to: hour.from }));
    expect(empty.reason).toBe("WINDOW_INVALID");
    expect(empty.message).toMatch(/they are equal/);
  });
});

it("takes for a filter only what is one, says the compiler", () => {
  const filters: FilterText[] = ["port 53", { dialect: "pcap", toString: () => "port 53" }];
  // @ts-expect-error a number
  filters.push(42);
  // @ts-expect-error a list
  filters.push(["port 53"]);
  // @ts-expect-error a time
  filters.push(new Date());
  // @ts-expect-error a function
  filters.push(() => "port 53");
  // @ts-expect-error an object that does not say its language
  filters.push({ toString: () => "port 53" });
  expect(filters).toHaveLength(7);
});

describe("the language of a filter", () => {
  const printing = (dialect?: string) => ({ dialect, toString: () => "(port 443)" });
  const original = (options: Record<string, unknown>) =>
    planFetch({ ...hour, ...options } as FetchPcapOptions, { originalServer: true }); // wrong on purpose in places

  it.each([
    ["tcpdump's where nothing says otherwise", { filter: "tcp" }, "pcap"],
    ["what the option says", { filter: "tcp", dialect: "stenographer" }, "stenographer"],
    ["what the filter says of itself", { filter: printing("stenographer") }, "stenographer"],
    ["what both say", { filter: printing("pcap"), dialect: "pcap" }, "pcap"],
    ["none without a filter", { dialect: "stenographer" }, undefined],
  ])("is %s", (_, options, dialect) => {
    expect(plan(options).dialect).toBe(dialect);
  });

  it("is Stenographer's for an original server, which reads no other", () => {
    expect(original({ filter: "tcp" }).dialect).toBe("stenographer");
    expect(original({ filter: "tcp", dialect: "stenographer" }).dialect).toBe("stenographer");
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [
      { filter: printing("stenographer"), dialect: "pcap" },
      /^fetchPcap: dialect: "pcap" contradicts the filter, which is in "stenographer"; leave dialect out$/,
    ],
    [{ filter: printing() }, /^fetchPcap: filter: its dialect is neither "pcap" nor "stenographer"$/],
    [{ filter: printing("bpf") }, /^fetchPcap: filter: its dialect is neither "pcap" nor "stenographer"$/],
  ])("is refused where it contradicts itself: %j", async (options, message) => {
    const failure = await failureOf(() => plan(options));
    expect(failure.reason).toBe("OPTIONS_INVALID");
    expect(failure.message).toMatch(message);
  });

  it.each([{ dialect: "pcap" }, { filter: printing("pcap") }])(
    "is refused where an original server can't read it: %j",
    async (options) => {
      const failure = await failureOf(() => original(options));
      expect(failure.reason).toBe("OPTIONS_INVALID");
      expect(failure.message).toMatch(/^fetchPcap: dialect: an original server reads only Stenographer's/);
    },
  );
});

it.each([
  { vlanTransparent: true },
  { restoreVlanTags: true },
  { timestampResolution: "microseconds" as const },
  { reason: "case 4711" },
  { requireCoverage: true },
])("an original server is never asked for what it does not know: %j", async (options) => {
  const failure = await failureOf(() => planFetch({ ...hour, ...options }, { originalServer: true }));
  expect(failure.reason).toBe("OPTIONS_INVALID");
  expect(failure.message).toMatch(/^fetchPcap: \w+: an original server does not know it; leave it out$/);
});

describe("planExplain", () => {
  it("takes what says which packets, and nothing about their delivery", async () => {
    expect(planExplain({ ...hour, filter: "tcp", vlanTransparent: true }, { timeoutMs: 7 })).toMatchObject({
      filter: "tcp",
      dialect: "pcap",
      vlanTransparent: true,
      timeoutMs: 7,
    });
    const failure = await failureOf(() => planExplain({ ...hour, maxBytes: 500 } as typeof hour, {})); // wrong on purpose
    expect(failure.message).toMatch(/^explain: unknown key "maxBytes"/);
  });
});
