import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { FilterDialect, StenoRequestSchema, TimestampResolution } from "@stenogrpc/protocol";
import { FilterSyntaxError, printFilter } from "@stenogrpc/query";
import { describe, expect, it } from "vitest";
import { anyone, type RoleOptions, roleOf, roleSchema } from "./access/role.js";
import { limitsSchema } from "./limits.js";
import { planRetrieval } from "./plan-retrieval.js";
import { RequestError } from "./request-error.js";
import type { SourceAbilities } from "./sources/packet-source.js";

const KiB = 1024;
const nowNs = 1_700_000_000_000_000_000n;

function plan(
  request: MessageInitShape<typeof StenoRequestSchema>,
  limits: Record<string, number | boolean> = {},
  abilities: SourceAbilities = { index: true },
) {
  return planRetrieval(create(StenoRequestSchema, request), {
    role: anyone,
    limits: limitsSchema.parse(limits),
    abilities,
    nowNs,
  });
}

const window = { epochStart: 100n, epochEnd: 200n };

function refusal(run: () => unknown): RequestError {
  try {
    run();
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

describe("window", () => {
  it("includes both seconds of the original's fields", () => {
    expect(plan(window).window).toEqual({ startNs: 100_000_000_000n, endNs: 201_000_000_000n });
  });

  it("takes one second where both seconds are the same", () => {
    expect(plan({ epochStart: 7n, epochEnd: 7n }).window).toEqual({
      startNs: 7_000_000_000n,
      endNs: 8_000_000_000n,
    });
  });

  it("takes exact times before seconds, each on its own", () => {
    expect(plan({ ...window, start: { seconds: 150n, nanos: 1 } }).window).toEqual({
      startNs: 150_000_000_001n,
      endNs: 201_000_000_000n,
    });
    expect(plan({ ...window, end: { seconds: 150n, nanos: 999_999_999 } }).window).toEqual({
      startNs: 100_000_000_000n,
      endNs: 150_999_999_999n,
    });
  });

  it("goes past 2038", () => {
    expect(plan({ epochStart: 4_000_000_000n, epochEnd: 4_000_000_001n }).window.startNs).toBe(
      4_000_000_000_000_000_000n,
    );
  });

  it.each<[string, MessageInitShape<typeof StenoRequestSchema>]>([
    ["is missing", {}],
    ["ends before it starts", { epochStart: 200n, epochEnd: 100n }],
    ["is empty", { start: { seconds: 5n, nanos: 0 }, end: { seconds: 5n, nanos: 0 } }],
    ["starts before 1970", { epochStart: -1n, epochEnd: 5n }],
    ["ends after 9999", { epochStart: 1n, epochEnd: 9_223_372_036_854_775_807n }],
  ])("is refused where it %s", (_, request) => {
    expect(refusal(() => plan(request)).kind).toBe("window-invalid");
  });

  it("is refused where it is longer than the server allows, and says how long that is", () => {
    expect(plan(window, { maxWindowMs: 101_000 }).window.endNs).toBe(201_000_000_000n);
    expect(refusal(() => plan(window, { maxWindowMs: 100_999 })).message).toContain("100.999 s");
  });
});

describe("a window finer than a microsecond", () => {
  const fine = { start: { seconds: 150n, nanos: 1999 }, end: { seconds: 151n, nanos: 1 } };

  it("is widened to whole ones where the source has no nanoseconds, so that no packet of it is missing", () => {
    expect(plan(fine, {}, { index: true, nanoseconds: false }).window).toEqual({
      startNs: 150_000_001_000n,
      endNs: 151_000_001_000n,
    });
    const whole = { start: { seconds: 150n, nanos: 1000 }, end: { seconds: 151n, nanos: 2000 } };
    expect(plan(whole, {}, { index: true, nanoseconds: false }).window).toEqual({
      startNs: 150_000_001_000n,
      endNs: 151_000_002_000n,
    });
  });

  it("is exact elsewhere", () => {
    expect(plan(fine).window).toEqual({ startNs: 150_000_001_999n, endNs: 151_000_000_001n });
  });
});

describe("uid", () => {
  it("is echoed", () => {
    expect(plan({ ...window, request: { uid: "alert-4711.a_B" } }).uid).toBe("alert-4711.a_B");
  });

  it("is made where the client gives none", () => {
    expect(plan(window).uid).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(plan(window).uid).not.toBe(plan(window).uid);
  });

  it.each(["../../x", ".hidden", "a/b", "a b", "a\n", "ü", "x".repeat(129), "\0"])("refuses %j", (uid) => {
    expect(refusal(() => plan({ ...window, request: { uid } })).kind).toBe("uid-invalid");
  });
});

describe("path", () => {
  it("changes nothing, whatever it says", () => {
    const request = { ...window, request: { uid: "x" } };
    expect(plan({ ...request, path: "/etc" })).toEqual(plan(request));
  });
});

describe("chunk_size", () => {
  it.each([
    [0n, 256 * KiB],
    [1n, 64 * KiB],
    [1000n, 64 * KiB],
    [100n * 1024n, 100 * KiB],
    [1n << 40n, 1024 * KiB],
    [(1n << 63n) - 1n, 1024 * KiB],
  ])("%s becomes %s bytes", (chunkSize, bytes) => {
    expect(plan({ ...window, request: { chunkSize } }).chunkBytes).toBe(bytes);
  });
});

describe("limits", () => {
  it("are none where nobody sets one", () => {
    expect(plan(window)).toMatchObject({ maxBytes: undefined, maxPackets: undefined });
  });

  it("are the lower of the client's and the server's, with who set it", () => {
    const request = { ...window, request: { maxSize: 500n, maxPackets: 5n } };
    expect(plan(request)).toMatchObject({
      maxBytes: { value: 500, setBy: "client" },
      maxPackets: { value: 5, setBy: "client" },
    });
    expect(plan(request, { maxBytes: 400, maxPackets: 4 })).toMatchObject({
      maxBytes: { value: 400, setBy: "server" },
      maxPackets: { value: 4, setBy: "server" },
    });
    expect(plan(window, { maxBytes: 400 })).toMatchObject({ maxBytes: { value: 400, setBy: "server" } });
  });

  it.each([
    { chunkSize: -1n },
    { maxSize: -1n },
    { maxPackets: -1n },
    { maxSize: 23n },
    { maxSize: -(1n << 63n) },
  ])("refuses %o", (request) => {
    expect(refusal(() => plan({ ...window, request })).kind).toBe("limit-invalid");
  });
});

describe("filter", () => {
  it("is undefined where it is empty or blank", () => {
    expect(plan({ ...window, bpf: "" }).filter).toBeUndefined();
    expect(plan({ ...window, bpf: " \n" }).filter).toBeUndefined();
  });

  it("is one expression of its own, so that no `or` in it escapes the window", () => {
    const { filter, window: exact } = plan({ ...window, bpf: "port 80 or port 81" });
    expect(printFilter(filter!)).toBe("(port 80 or port 81)"); // it was just given
    expect(exact).toEqual({ startNs: 100_000_000_000n, endNs: 201_000_000_000n });
  });

  it("has its relative times resolved by the server's clock", () => {
    expect(printFilter(plan({ ...window, bpf: "after 1h ago" }).filter!)).toContain("2023-11-14T21:13:20Z"); // as above
  });

  it.each(["@/etc/passwd", "-w /tmp/x", "--limit-packets 1", "port", "tcp not port 80", "tcp; udp"])(
    "refuses %j",
    (bpf) => {
      expect(() => plan({ ...window, bpf })).toThrow(FilterSyntaxError);
    },
  );
});

describe("dialect", () => {
  const asked = (bpf: string, dialect = FilterDialect.UNSPECIFIED) => {
    const { filter, dialect: read } = plan({ ...window, bpf, dialect });
    return `${read}: ${filter && printFilter(filter)}`;
  };

  it("is Stenographer's where the request names it, and there what tcpdump alone knows is refused", () => {
    expect(asked("tcp and port 80", FilterDialect.STENOGRAPHER)).toBe("stenographer: (tcp and port 80)");
    expect(() => asked("tcp port 80", FilterDialect.STENOGRAPHER)).toThrow(FilterSyntaxError);
  });

  it("is tcpdump's where the request names it, also for a text that both can read", () => {
    expect(asked("vlan 5 and host 10.0.0.1", FilterDialect.PCAP)).toMatch(/^pcap: /);
    expect(asked("not port 22", FilterDialect.PCAP)).toMatch(/^pcap: /);
    expect(() => asked("after", FilterDialect.PCAP)).toThrow(FilterSyntaxError);
  });

  it("is Stenographer's for a client that names none, where the text can be read as that, else tcpdump's", () => {
    expect(asked("vlan 5 and host 10.0.0.1")).toMatch(/^stenographer: /);
    expect(asked("tcp port 80")).toMatch(/^pcap: /);
    expect(asked("")).toBe("undefined: undefined");
  });

  it("is refused where the server does not know it", () => {
    const dialect = 7 as FilterDialect; // an open enum: any number can come
    expect(refusal(() => plan({ ...window, bpf: "tcp", dialect })).kind).toBe("option-invalid");
  });

  it("tells such a client where Stenographer would stop reading", () => {
    expect(() => asked("tcp not port 80")).toThrow(/not/);
  });
});

describe("index", () => {
  it("is what narrows the filter, or nothing", () => {
    const { index } = plan({
      ...window,
      bpf: "tcp[13] & 2 != 0 and dst port 443",
      dialect: FilterDialect.PCAP,
    });
    expect(printFilter(index!)).toContain("port 443"); // it helps here
    expect(plan({ ...window, bpf: "not port 22", dialect: FilterDialect.PCAP }).index).toBeUndefined();
  });

  it("is needed where the policy says so, and only of a source that has one", () => {
    const request = { ...window, bpf: "not port 22", dialect: FilterDialect.PCAP };
    const limits = { allowTimeOnlyQueries: false };
    const { kind, message } = refusal(() => plan(request, limits));
    expect(kind).toBe("index-cant-help");
    expect(message).toContain("narrow it by a host, net, port or protocol");
    expect(plan(request, limits, {}).index).toBeUndefined();
    expect(refusal(() => plan(window, limits)).kind).toBe("index-cant-help");
    expect(plan({ ...window, bpf: "port 22" }, limits).index).toBeDefined();
  });
});

describe("what only some sources can do", () => {
  const nanoseconds = { request: { timestampResolution: TimestampResolution.NANOSECONDS } };

  it("is refused by the others, by name", () => {
    const poor = { index: true, nanoseconds: false };
    expect(refusal(() => plan({ ...window, ...nanoseconds }, {}, poor)).kind).toBe("option-unsupported");
    expect(refusal(() => plan({ ...window, restoreVlanTags: true }, {}, poor)).kind).toBe(
      "option-unsupported",
    );
  });

  it("is passed to those", () => {
    const rich = { restoreVlanTags: true };
    expect(plan({ ...window, ...nanoseconds, restoreVlanTags: true }, {}, rich)).toMatchObject({
      resolution: "nanoseconds",
      restoreVlanTags: true,
    });
  });

  it("is refused where it is a number that nobody knows", () => {
    const timestampResolution = 9 as TimestampResolution; // an open enum: any number can come
    expect(refusal(() => plan({ ...window, request: { timestampResolution } })).kind).toBe("option-invalid");
  });
});

describe("a role", () => {
  const inRole = (
    role: RoleOptions,
    request: MessageInitShape<typeof StenoRequestSchema> = {},
    abilities: SourceAbilities = { index: true },
  ) =>
    planRetrieval(create(StenoRequestSchema, { ...window, ...request }), {
      role: roleOf(roleSchema.parse(role)),
      limits: limitsSchema.parse({ maxPackets: 50 }),
      abilities,
      nowNs,
    });
  const nets = ["10.0.0.0/8", "2001:db8::/32"];
  const policy = "(net 10.0.0.0/8 or net 2001:db8::/32)";

  it("asks the index for its nets, with a filter and without", () => {
    const text = (bpf: string) => {
      const { index } = inRole({ nets }, { bpf });
      return index && printFilter(index);
    };
    expect(text("")).toBe(policy);
    expect(text("port 80 or port 81")).toBe(`((port 80 or port 81) and ${policy})`);
  });

  it("plans no index where the source has none, and matches the nets all the same", () => {
    const planned = inRole({ nets }, {}, {});
    expect(planned.index).toBeUndefined();
    expect(planned.policy && printFilter(planned.policy)).toBe(policy);
    expect(planned.explanation.join()).toContain(policy);
  });

  it("sets limits that count as the server's, the lower of both", () => {
    expect(inRole({ maxPackets: 7 }).maxPackets).toEqual({ value: 7, setBy: "server" });
    expect(inRole({ maxPackets: 70 }).maxPackets).toEqual({ value: 50, setBy: "server" });
    expect(inRole({ maxBytes: 1000 }).maxBytes).toEqual({ value: 1000, setBy: "server" });
    expect(inRole({ maxPackets: 7 }, { request: { maxPackets: 3n } }).maxPackets).toEqual({
      value: 3,
      setBy: "client",
    });
  });

  it("refuses windows longer than it allows, and takes the one that is exactly as long", () => {
    expect(inRole({ maxWindowMs: 101_000 }).window.endNs).toBe(201_000_000_000n);
    const { kind, message } = refusal(() => inRole({ maxWindowMs: 100_000 }));
    expect([kind, message]).toEqual(["window-not-allowed", expect.stringContaining("at most 100 s")]);
  });

  it("refuses windows that begin before its oldest age, with a minute's grace, and says where to begin", () => {
    const from = (second: bigint) => ({ epochStart: second, epochEnd: 1_700_000_000n });
    const day = { oldestAgeMs: 86_400_000 };
    expect(inRole(day, from(1_700_000_000n - 86_460n)).window.startNs).toBe(1_699_913_540_000_000_000n);
    const { kind, message } = refusal(() => inRole(day, from(1_700_000_000n - 86_461n)));
    expect([kind, message]).toEqual([
      "window-not-allowed",
      expect.stringContaining("start at 2023-11-13T22:13:20Z or later"),
    ]);
  });

  it("wants a reason where it says so, of at most 1024 characters", () => {
    expect(refusal(() => inRole({ requireReason: true }, { reason: " \n" })).kind).toBe("reason-required");
    expect(inRole({ requireReason: true }, { reason: "case 4711" }).reason).toBe("case 4711");
    expect(inRole({}, { reason: "x".repeat(1024) }).reason).toHaveLength(1024);
    expect(refusal(() => inRole({}, { reason: "x".repeat(1025) })).kind).toBe("reason-invalid");
  });
});
