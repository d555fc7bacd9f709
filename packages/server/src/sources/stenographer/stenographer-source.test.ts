import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CertificateAuthority } from "@stenogrpc/certs";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { parseFilter } from "@stenogrpc/query";
import { pcapOf } from "@stenogrpc/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { retrievalPlan } from "../../testing/retrieval-plan.js";
import type { StenographerOptions } from "./stenographer-options.js";
import { stenographerSource } from "./stenographer-source.js";

/** A scripted daemon: each behaviour was seen on the real one, which tests/real asks. */
let folder: string;
let authority: CertificateAuthority;
let daemon: Server;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
const queries: string[] = [];
const config = {
  Host: "127.0.0.1",
  Port: 0,
  CertPath: "",
  Flags: ["--fileage_sec=120", "--blockage_sec=20"],
  Threads: [{ PacketsDirectory: "/packets", IndexDirectory: "/index" }],
};
/** Names of the daemon's files; each listing takes the next entry, the last one stays. */
let listings: string[][] = [];
/** What it never answers. */
let silentPath: string | undefined;
const twoFiles = ["1699999990000000", "1700000040000000"];
const listing = (): string => {
  const names = listings.length > 1 ? listings.shift() : listings[0];
  return `Thread 0 (IDX: "/i", PKT: "/p")\n${(names ?? []).map((name) => `\t${name}\n`).join("")}`;
};
let positions: (url: string, query: string) => string | undefined = () => "POSITIONS:\n\tALL";
const hits = (count: number): string => `POSITIONS:\n${"\t00000030\n".repeat(count)}`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenographer-test-"));
  authority = await createCertificateAuthority({ commonName: "*.steno" });
  const server = await authority.issueServer({ commonName: "127.0.0.1", hosts: ["127.0.0.1"] });
  const client = await authority.issueClient({ commonName: "127.0.0.1_client" });
  await writeFile(join(folder, "ca_cert.pem"), authority.certificate);
  await writeFile(join(folder, "client_cert.pem"), client.certificate);
  await writeFile(join(folder, "client_key.pem"), client.privateKey);
  daemon = createServer(
    { ca: authority.certificate, cert: server.certificate, key: server.privateKey, requestCert: true },
    async (request, response) => {
      let body = "";
      for await (const piece of request) body += String(piece);
      if (request.url === silentPath) return;
      if (request.url === "/debug/config") response.end(JSON.stringify(config));
      else if (request.url === "/debug/t0/files") response.end(listing());
      else if (request.url?.startsWith("/debug/t0/positions?name=")) {
        const found = positions(request.url, body);
        if (found === undefined) response.statusCode = 404;
        response.end(found ?? "file not found\n");
      } else if (request.url === "/debug/stats")
        response.end("aged_files\t0\noldest_timestamp\t1700000000123456000\n");
      else {
        queries.push(body);
        answer(request, response, body);
      }
    },
  );
  daemon.listen(0, "127.0.0.1");
  await once(daemon, "listening");
  config.Port = (daemon.address() as AddressInfo).port; // a TCP server that listens has one
  config.CertPath = folder;
  await writeFile(join(folder, "config"), JSON.stringify(config));
});

afterAll(async () => {
  daemon.closeAllConnections();
  daemon.close();
  await rm(folder, { recursive: true, force: true });
});

const sources: ReturnType<typeof stenographerSource>[] = [];
afterEach(() => Promise.all(sources.splice(0).map((source) => source.close?.())));

function source(options: StenographerOptions = {}) {
  const made = stenographerSource({ config: join(folder, "config"), ...options });
  sources.push(made);
  return made;
}

const packet = { timestampNs: 1_700_000_000_000_000_000n, data: new Uint8Array(1000) };
const capture = (packets: number): Uint8Array => pcapOf(Array.from({ length: packets }, () => packet));

const plan = retrievalPlan({
  window: { startNs: 1_700_000_000_000_000_000n, endNs: 1_700_000_060_000_000_000n },
  filter: parseFilter("tcp and port 80"),
  index: parseFilter("tcp and port 80"),
});

beforeEach(() => {
  silentPath = undefined;
  listings = [twoFiles];
});

async function fetch(options: StenographerOptions = {}) {
  const opened = await source(options).open(plan, new AbortController().signal);
  let packets = 0;
  for await (const batch of opened.batches) packets += batch.count;
  return { packets, ...(await opened.outcome?.()) };
}

async function count(
  options: StenographerOptions = {},
  signal = new AbortController().signal,
): Promise<number> {
  const { batches } = await source(options).open(plan, signal);
  let packets = 0;
  for await (const batch of batches) packets += batch.count;
  return packets;
}

describe("stenographer source", () => {
  it("finds everything it needs in Stenographer's configuration", async () => {
    answer = (_request, response) => response.end(capture(1000));
    expect(await count()).toBe(1000);
  });

  it("posts one query, printed from the plan and widened by the daemon's own flags", async () => {
    answer = (_request, response) => response.end(capture(1));
    await count();
    const query = queries.at(-1) ?? "";
    expect(query).toMatch(/^\(/);
    expect(query).toContain("port 80");
    const after = Date.parse(/after (\S+?Z)/.exec(query)?.[1] ?? "");
    // fileage 120 and blockage 20: at least (120 - 60) + 20 + 5 s before the window.
    expect(after).toBeLessThanOrEqual(1_700_000_000_000 - 85_000);
  });

  it("takes an answer without packets for what it is", async () => {
    answer = (_request, response) => response.end(capture(0));
    expect(await count()).toBe(0);
  });

  it("knows the oldest packet from the daemon's statistics", async () => {
    expect(await source().describe(new AbortController().signal)).toEqual({
      oldestPacketNs: 1_700_000_000_123_456_000n,
    });
  });

  it("keeps the connection for the next query", async () => {
    const ports = new Set<number | undefined>();
    answer = (request, response) => {
      ports.add(request.socket.remotePort);
      response.end(capture(1));
    };
    const one = source();
    for (let i = 0; i < 3; i++) {
      const { batches } = await one.open(plan, new AbortController().signal);
      for await (const _ of batches);
    }
    expect(ports.size).toBe(1);
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, string]>([
    [
      "refuses the query",
      (_, response) => response.writeHead(400).end("could not parse query\n"),
      "Stenographer refused the query",
    ],
    [
      "dies in the middle",
      (request, response) => {
        response.write(capture(1000).subarray(0, 500_000), () => request.socket.destroy());
      },
      "the connection to Stenographer broke before its answer was complete",
    ],
    [
      "ends well in the middle of a packet",
      (_, response) => response.end(capture(10).subarray(0, 5000)),
      "Stenographer delivered output that ends in the middle of a packet",
    ],
    [
      "sends something else",
      (_, response) => response.end("<html>not a capture, whatever it is</html>"),
      "Stenographer delivered output that is no capture",
    ],
  ])("fails where the daemon %s", async (_, behaviour, message) => {
    answer = behaviour;
    await expect(count()).rejects.toMatchObject({ kind: "source-failed", message });
  });

  it("fails in time where the daemon hangs: after 15 minutes it would end the answer as if it were complete", async () => {
    answer = (_request, response) => void response.write(capture(10));
    await expect(count({ timeoutMs: 200 })).rejects.toMatchObject({
      kind: "source-failed",
      message: "Stenographer took longer than 0.2 s; ask for a shorter window",
    });
  });

  it.each(["/debug/config", "/debug/stats"])(
    "is unavailable where the daemon never answers %s",
    async (path) => {
      silentPath = path;
      const silent = source({ timeoutMs: 200 });
      const asked =
        path === "/debug/stats" ? silent.describe(new AbortController().signal) : count({ timeoutMs: 200 });
      await expect(asked).rejects.toMatchObject({
        kind: "source-unavailable",
        message: "Stenographer does not answer",
      });
    },
  );

  it("is unavailable where the daemon is down", async () => {
    await expect(count({ port: 1 })).rejects.toMatchObject({ kind: "source-unavailable" });
  });

  it("is unavailable where its configuration is missing", async () => {
    await expect(count({ config: join(folder, "missing") })).rejects.toMatchObject({
      kind: "source-unavailable",
    });
  });

  it("closes the request when the signal aborts, also while nobody reads", async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (_request, response) => {
        response.once("close", resolve);
        const more = (): void => {
          while (!response.destroyed && response.write(capture(1000)));
          response.once("drain", more);
        };
        more();
      };
    });
    const controller = new AbortController();
    const { batches } = await source().open(plan, controller.signal);
    await batches[Symbol.asyncIterator]().next();
    controller.abort(new Error("the client left"));
    await closed;
  });

  it("throws the signal's reason when it aborts a query that has not answered yet", async () => {
    const controller = new AbortController();
    answer = () => controller.abort(new Error("the client left"));
    await expect(count({}, controller.signal)).rejects.toThrow("the client left");
  });
});

describe("trust", () => {
  it("refuses a daemon whose certificate another CA signed, though it has the same name", async () => {
    const other = await createCertificateAuthority({ commonName: "*.steno" });
    await writeFile(join(folder, "other_ca.pem"), other.certificate);
    await expect(count({ ca: join(folder, "other_ca.pem") })).rejects.toMatchObject({
      kind: "source-unavailable",
      message: "Stenographer's certificate is not the expected one",
    });
  });

  it("refuses a daemon of another name", async () => {
    await expect(count({ expectedName: "another-sensor" })).rejects.toMatchObject({
      message: "Stenographer's certificate is not the expected one",
    });
  });

  it("holds the daemon to a pinned fingerprint", async () => {
    await expect(count({ fingerprint256: "00".repeat(32) })).rejects.toMatchObject({
      message: "Stenographer's certificate is not the expected one",
    });
  });

  it("says so where the daemon does not take the server's client certificate", async () => {
    const other = await createCertificateAuthority({ commonName: "elsewhere" });
    const stranger = await other.issueClient({ commonName: "stranger" });
    await writeFile(join(folder, "stranger.crt"), stranger.certificate);
    await writeFile(join(folder, "stranger.key"), stranger.privateKey);
    const failure = count({ cert: join(folder, "stranger.crt"), key: join(folder, "stranger.key") });
    await expect(failure).rejects.toMatchObject({ name: "SourceError" });
  });
});

describe("what an answer is worth", () => {
  it("is unproved by default; the covered part of the window comes from the files' names", async () => {
    answer = (_request, response) => response.end(capture(2));
    listings = [["1700000020000000", "1700000030000000"]];
    const { packets, coverage, completeness, damage } = await fetch();
    expect(packets).toBe(2);
    expect(completeness).toBeUndefined();
    expect(damage).toEqual([]);
    expect(coverage?.gaps).toEqual([
      { startNs: 1_700_000_000_000_000_000n, endNs: 1_700_000_020_000_000_000n, reason: "aged-out" },
    ]);
  });

  it("is proved where the daemon's index has as many packets as came, over all files that may hold some", async () => {
    answer = (_request, response) => response.end(capture(5));
    positions = (url) => hits(url.endsWith(twoFiles[0] ?? "") ? 2 : 3);
    expect(await fetch({ verify: "positions" })).toMatchObject({ packets: 5, completeness: "proved" });
  });

  it("is refused where packets are missing that the index has", async () => {
    answer = (_request, response) => response.end(capture(4));
    positions = () => hits(3);
    await expect(fetch({ verify: "positions" })).rejects.toMatchObject({ kind: "source-corrupt" });
  });

  it("counts again behind the answer, since files come and go meanwhile", async () => {
    answer = (_request, response) => response.end(capture(6));
    listings = [[twoFiles[0] ?? ""], twoFiles];
    positions = () => hits(3);
    expect(await fetch({ verify: "positions" })).toMatchObject({ packets: 6, completeness: "proved" });
  });

  it("is counted over files that the daemon takes though they hold nothing of the window", async () => {
    answer = (_request, response) => response.end(capture(6));
    // A minute and a half before the window, in it, a minute behind it.
    listings = [["1699999910000000", "1700000000000000", "1700000120000000"]];
    positions = () => hits(2);
    expect(await fetch({ verify: "positions" })).toMatchObject({ packets: 6, completeness: "proved" });
  });

  it("counts nothing in a file that ages out before it is counted", async () => {
    answer = (_request, response) => response.end(capture(3));
    positions = (url) => (url.endsWith(twoFiles[0] ?? "") ? undefined : hits(3));
    expect(await fetch({ verify: "positions" })).toMatchObject({ packets: 3, completeness: "proved" });
  });

  it("can't be proved for a query that takes whole files", async () => {
    answer = (_request, response) => response.end(capture(6));
    positions = () => "POSITIONS:\n\tALL";
    expect((await fetch({ verify: "positions" })).completeness).toBeUndefined();
  });

  it("fails on a list of positions that is none", async () => {
    answer = (_request, response) => response.end(capture(6));
    positions = () => "something else";
    await expect(fetch({ verify: "positions" })).rejects.toMatchObject({ kind: "source-failed" });
  });

  it("has lost packets where a file that may hold some aged out meanwhile", async () => {
    answer = (_request, response) => response.end(capture(1));
    listings = [twoFiles, twoFiles.slice(1)];
    expect((await fetch()).damage).toMatchObject([{ file: twoFiles[0], thread: 0, losesPackets: true }]);
  });

  it("is unproved where the reader stops early", async () => {
    answer = (_request, response) => response.end(capture(5000));
    positions = () => hits(2500);
    const opened = await source({ verify: "positions" }).open(plan, new AbortController().signal);
    for await (const _ of opened.batches) break;
    expect((await opened.outcome?.())?.completeness).toBeUndefined();
  });
});
