import { describe, expect, it } from "vitest";
import { hour, noonNs, second } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { type FetchPcapOptions, planFetch } from "./fetch-options.js";

const plan = (options: Record<string, unknown>) => planFetch({ ...hour, ...options } as FetchPcapOptions, {}); // wrong on purpose in places

describe("planFetch", () => {
  it("keeps what it is given", () => {
    const signal = new AbortController().signal;
    const given = {
      filter: "port 443",
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
    const filter = { node: { kind: "port", port: 443 }, toString: () => "(port 443)" };
    expect(plan({ filter }).filter).toBe("(port 443)");
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
