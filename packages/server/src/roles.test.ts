import { Code } from "@connectrpc/connect";
import { Status, StoppedBy } from "@stenogrpc/protocol";
import { pcapOf } from "@stenogrpc/testkit";
import { describe, expect, it } from "vitest";
import { fetchWhole, refusalOf, startSensor } from "../test-support/sensor-with-clients.js";
import { payloadByte, tcpFrame } from "../test-support/tcp-frame.js";
import { type SensorClient, ways } from "../test-support/ways.js";
import type { Decision } from "./access/access.js";
import type { RoleOptions } from "./access/role.js";
import type { Logger } from "./logger.js";
import type { SensorOptions } from "./sensor-service.js";
import type { PacketSource } from "./sources/packet-source.js";
import { memorySource } from "./testing/memory-source.js";

const t0 = 1_700_000_000;
const window = { epochStart: BigInt(t0), epochEnd: BigInt(t0 + 60) };

/** A TCP packet a second, each from another host to 192.0.2.1, with 100 bytes of payload. */
function capture(...sources: readonly (readonly number[])[]): Uint8Array {
  return pcapOf(
    sources.map((from, i) => ({
      timestampNs: BigInt(t0 + i) * 1_000_000_000n,
      data: tcpFrame({ from, payloadBytes: 100 }),
    })),
  );
}

const inside = [10, 0, 0, 1] as const;
const outside = [172, 16, 0, 1] as const;

function options(roles: Record<string, RoleOptions>, rest: Partial<SensorOptions> = {}): SensorOptions {
  return {
    source: memorySource(capture(inside, outside, inside)),
    access: Object.keys(roles).map((role) => ({ role, commonName: role })),
    roles,
    now: () => (t0 + 60) * 1000,
    ...rest,
  };
}

/** A promise, and what resolves it. */
function signalOnce(): [Promise<void>, () => void] {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return [given, give];
}

/** A source that gives nothing until it is told to. */
function waitingSource() {
  const [entered, enter] = signalOnce();
  const [opened, open] = signalOnce();
  const inner = memorySource(capture(inside));
  const source: PacketSource = {
    ...inner,
    open: async (plan, signal) => {
      enter();
      await opened;
      return inner.open(plan, signal);
    },
  };
  return { source, entered, open };
}

const untouched: PacketSource = {
  kind: "untouched",
  open: () => Promise.reject(new Error("was opened")),
  describe: () => Promise.reject(new Error("was described")),
  estimate: () => Promise.reject(new Error("was estimated")),
};

/** Each RPC, with a request that cannot be read: whoever may not ask is not told so. */
const rpcs: Record<string, (client: SensorClient) => Promise<unknown>> = {
  FetchPcap: (client) => fetchWhole(client, { ...window, bpf: "no filter )" }),
  ExplainQuery: (client) => client.explainQuery({ query: { ...window, bpf: "no filter )" } }),
  DescribeSensor: (client) => client.describeSensor({}),
};

describe.each(ways)("%s", (way) => {
  describe.each(Object.keys(rpcs))("%s", (rpc) => {
    const call = rpcs[rpc] as (client: SensorClient) => Promise<unknown>; // one of its keys

    it("is closed to an identity that no rule is about", async () => {
      await using sensor = await startSensor(options({ analyst: {} }, { source: untouched }));
      const client = await sensor.connect({ commonName: "mallory" }, way);
      expect(await refusalOf(call(client))).toMatchObject({
        code: Code.PermissionDenied,
        reason: "IDENTITY_UNMAPPED",
        message: expect.stringMatching(
          /^no role on this sensor is for this certificate: common name "mallory", fingerprint ([0-9A-F]{2}:){31}[0-9A-F]{2}$/,
        ),
      });
    });

    it("is closed to a role of other sensors", async () => {
      await using sensor = await startSensor(
        options({ analyst: { sensors: ["core-*"] } }, { source: untouched }),
      );
      const client = await sensor.connect({ commonName: "analyst" }, way);
      expect(await refusalOf(call(client))).toMatchObject({
        code: Code.PermissionDenied,
        reason: "SENSOR_NOT_ALLOWED",
      });
    });

    it("is what an authorize hook is asked about, and told no by", async () => {
      const asked: unknown[] = [];
      const authorize = ({ rpc, sensor, identity, request }: { [key: string]: unknown }): Decision => {
        asked.push([rpc, sensor, (identity as { uris: string[] }).uris, request !== undefined]); // a ClientIdentity
        return { allow: false, reason: "not on Sundays" };
      };
      await using sensor = await startSensor({
        source: untouched,
        authorize: (context) => authorize({ ...context }),
      });
      const client = await sensor.connect({ commonName: "a", uris: ["spiffe://corp/a"] }, way);
      expect(await refusalOf(call(client))).toMatchObject({
        code: Code.PermissionDenied,
        reason: "NOT_AUTHORIZED",
        message: "not on Sundays",
      });
      expect(asked).toEqual([[rpc, "edge-1", ["spiffe://corp/a"], rpc !== "DescribeSensor"]]);
    });

    it("is refused where the hook throws, takes too long, or answers nonsense, without what it said", async () => {
      const hooks: SensorOptions["authorize"][] = [
        () => Promise.reject(new Error("secret")),
        () => new Promise<never>(() => {}),
        () => ({ allow: "yes" }) as unknown as Decision, // what JavaScript may bring
        () => ({ allow: true, role: { nets: ["10.0.0.0/99"] } }),
      ];
      for (const authorize of hooks) {
        await using sensor = await startSensor({
          source: untouched,
          authorize,
          limits: { authorizeTimeoutMs: 50 },
        });
        const refusal = await refusalOf(call(await sensor.connect({ commonName: "a" }, way)));
        expect(refusal).toMatchObject({ code: Code.PermissionDenied, reason: "AUTHORIZATION_FAILED" });
        expect(refusal.message).not.toContain("secret");
      }
    });
  });

  it("keeps ExplainQuery and DescribeSensor from a role that may only fetch", async () => {
    await using sensor = await startSensor(options({ collector: { info: false, explain: false } }));
    const client = await sensor.connect({ commonName: "collector" }, way);
    for (const rpc of ["ExplainQuery", "DescribeSensor"]) {
      expect(await refusalOf((rpcs[rpc] as (typeof rpcs)[string])(client))).toMatchObject({
        code: Code.PermissionDenied,
        reason: "RPC_NOT_ALLOWED",
      });
    }
    expect((await fetchWhole(client, window)).status).toBe(Status.OK);
  });

  it("sends only packets within the role's nets, cut behind their headers, and says so, and counts no other", async () => {
    await using sensor = await startSensor(options({ analyst: { nets: ["10.0.0.0/8"], payloadBytes: 4 } }));
    const client = await sensor.connect({ commonName: "analyst" }, way);
    const { pcap, status, summary } = await fetchWhole(client, window);
    expect(status).toBe(Status.OK);
    expect(pcap.length).toBe(24 + 2 * (16 + 54 + 4));
    expect(pcap.includes(Buffer.from(outside))).toBe(false);
    expect(summary).toMatchObject({
      packets: 2n,
      recordsSeen: 2n,
      recordsUnmatched: 0n,
      clientIdentity: "analyst",
      policyFilter: "net 10.0.0.0/8",
      payloadLimit: 4,
      serverVersion: expect.stringMatching(/^stenogrpc\//),
    });
  });

  it("matches whole packets, and cuts them after", async () => {
    await using sensor = await startSensor(options({ analyst: { payloadBytes: 0 } }));
    const client = await sensor.connect({ commonName: "analyst" }, way);
    const { summary } = await fetchWhole(client, {
      ...window,
      bpf: `greater 154 and ether[100] = ${payloadByte}`,
      dialect: 2,
    });
    expect(summary?.packets).toBe(3n);
  });

  it("counts a role's limits as the server's", async () => {
    await using sensor = await startSensor(options({ analyst: { maxPackets: 2 }, clerk: { maxBytes: 300 } }));
    for (const commonName of ["analyst", "clerk"]) {
      const { status, summary } = await fetchWhole(await sensor.connect({ commonName }, way), window);
      expect([status, summary?.stoppedBy]).toEqual([Status.TRUNCATED, StoppedBy.SERVER_LIMIT]);
    }
  });

  it("refuses windows and reasons that the role does not allow", async () => {
    const roles = {
      short: { maxWindowMs: 5000 },
      recent: { oldestAgeMs: 1000 },
      careful: { requireReason: true },
    };
    await using sensor = await startSensor(options(roles));
    const refused = async (commonName: string, request: object) =>
      (await refusalOf(fetchWhole(await sensor.connect({ commonName }, way), { ...window, ...request })))
        .reason;
    expect(await refused("short", {})).toBe("WINDOW_NOT_ALLOWED");
    expect(await refused("recent", { epochStart: BigInt(t0 - 10) })).toBe("WINDOW_NOT_ALLOWED");
    expect(await refused("careful", {})).toBe("REASON_REQUIRED");
    expect(await refused("careful", { reason: "x".repeat(1025) })).toBe("REASON_INVALID");
    const careful = await sensor.connect({ commonName: "careful" }, way);
    expect((await fetchWhole(careful, { ...window, reason: "case 4711" })).status).toBe(Status.OK);
    expect(await refusalOf(careful.explainQuery({ query: window }))).toMatchObject({
      reason: "REASON_REQUIRED",
    });
  });

  it("stops an answer where the hour's budget ends, also under a renewed certificate, and says when to come back", async () => {
    await using sensor = await startSensor(
      options({ analyst: { maxPacketsPerHour: 4 }, clerk: { maxPacketsPerHour: 4 } }),
    );
    const again = () => sensor.connect({ commonName: "analyst", dnsNames: ["a.example"] }, way);
    expect((await fetchWhole(await again(), window)).summary).toMatchObject({
      packets: 3n,
      stoppedBy: StoppedBy.NOTHING,
    });
    const { status, summary } = await fetchWhole(await again(), window);
    expect([status, summary?.packets, summary?.stoppedBy]).toEqual([Status.TRUNCATED, 1n, StoppedBy.BUDGET]);
    const refusal = await refusalOf(fetchWhole(await again(), window));
    expect(refusal).toMatchObject({
      code: Code.ResourceExhausted,
      reason: "BUDGET_EXHAUSTED",
      message: "you got all that you may within an hour",
    });
    expect(refusal.retryAfterMs).toBeGreaterThan(59 * 60_000);
    expect(refusal.retryAfterMs).toBeLessThanOrEqual(61 * 60_000);
    const other = await sensor.connect({ commonName: "clerk" }, way);
    expect((await fetchWhole(other, window)).summary?.packets).toBe(3n);
  });

  it("refuses one identity more places than its role has, while others get theirs", async () => {
    const { source, entered, open } = waitingSource();
    await using sensor = await startSensor(options({ analyst: { concurrency: 1 }, clerk: {} }, { source }));
    const analyst = await sensor.connect({ commonName: "analyst" }, way);
    const first = fetchWhole(analyst, window);
    await entered;
    expect(await refusalOf(fetchWhole(analyst, window))).toMatchObject({
      code: Code.ResourceExhausted,
      reason: "IDENTITY_LIMIT",
      retryAfterMs: 1000,
    });
    const other = fetchWhole(await sensor.connect({ commonName: "clerk" }, way), window);
    open();
    expect([(await first).status, (await other).status]).toEqual([Status.OK, Status.OK]);
  });

  it("lets a retrieval wait for a place, and forgets one whose client leaves", async () => {
    const { source, entered, open } = waitingSource();
    const limits = { concurrency: 1, queue: { length: 1, timeoutMs: 60_000 } };
    await using sensor = await startSensor(options({ analyst: {} }, { source, limits }));
    const client = await sensor.connect({ commonName: "analyst" }, way);
    const first = fetchWhole(client, window);
    await entered;
    const leaving = new AbortController();
    const left = client.fetchPcap(window, { signal: leaving.signal })[Symbol.asyncIterator]().next();
    left.catch(() => {});
    await expect.poll(() => sensor.server.metrics().retrievals.running).toBe(2);
    expect((await refusalOf(fetchWhole(client, window))).reason).toBe("NO_FREE_SLOT");
    leaving.abort();
    await expect.poll(() => sensor.server.metrics().retrievals.running).toBe(1);
    const second = fetchWhole(client, window);
    open();
    expect([(await first).status, (await second).status]).toEqual([Status.OK, Status.OK]);
  });

  it("sends the waiting away when the server drains", async () => {
    const { source, entered } = waitingSource();
    const limits = { concurrency: 1, queue: { length: 1, timeoutMs: 60_000 } };
    const sensor = await startSensor(options({ analyst: {} }, { source, limits }));
    const client = await sensor.connect({ commonName: "analyst" }, way);
    const refusals = [
      refusalOf(fetchWhole(client, window)),
      entered.then(() => refusalOf(fetchWhole(client, window))),
    ];
    await expect.poll(() => sensor.server.metrics().retrievals.running).toBe(2);
    await sensor.server.close({ graceMs: 0 });
    expect((await Promise.all(refusals)).map(({ reason }) => reason)).toEqual([
      "SERVER_DRAINING",
      "SERVER_DRAINING",
    ]);
  });

  it("describes to each the limits in force for them, and explains what their role adds", async () => {
    await using sensor = await startSensor(
      options(
        { analyst: { maxBytes: 1000, maxWindowMs: 60_000, concurrency: 2, nets: ["10.0.0.0/8"] }, clerk: {} },
        { limits: { maxBytes: 2000, concurrency: 5 } },
      ),
    );
    const analyst = await sensor.connect({ commonName: "analyst" }, way);
    const clerk = await sensor.connect({ commonName: "clerk" }, way);
    expect((await analyst.describeSensor({})).limits).toMatchObject({
      maxBytes: 1000n,
      concurrency: 2,
      maxWindow: { seconds: 60n },
    });
    expect((await clerk.describeSensor({})).limits).toMatchObject({ maxBytes: 2000n, concurrency: 5 });
    const query = { epochStart: BigInt(t0), epochEnd: BigInt(t0 + 10) };
    expect((await analyst.explainQuery({ query })).explanation.join()).toContain("net 10.0.0.0/8");
    expect((await clerk.explainQuery({ query })).explanation.join()).not.toContain("net");
  });
});

describe("without access rules", () => {
  it("everyone with a certificate may fetch, and the server says so loudly at its start", async () => {
    const warnings: string[] = [];
    const nothing = (): void => {};
    const logger: Logger = {
      debug: nothing,
      info: nothing,
      error: nothing,
      warn: (_fields, message = "") => void warnings.push(message),
    };
    await using sensor = await startSensor({ source: memorySource(capture(inside)), logger });
    expect(warnings).toEqual([expect.stringMatching(/^NO ACCESS RULES/)]);
    expect((await fetchWhole(await sensor.connect({ commonName: "anyone" }), window)).status).toBe(Status.OK);
  });
});
