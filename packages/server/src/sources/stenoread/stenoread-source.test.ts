import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { parseFilter } from "@stenogrpc/query";
import { pcapOf } from "@stenogrpc/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { retrievalPlan } from "../../testing/retrieval-plan.js";
import { stenoreadSource } from "./stenoread-source.js";

/**
 * Scripts stand in for stenoread here, each with one behaviour that was seen on the real one or that must not matter.
 * The real one is asked in tests/real.
 */
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenoread-test-"));
  await writeFile(join(folder, "answer.pcap"), capture(1000));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function capture(packets: number): Uint8Array {
  const packet = { timestampNs: 1_700_000_000_000_000_000n, data: new Uint8Array(1000) };
  return pcapOf(Array.from({ length: packets }, () => packet));
}

const plan = retrievalPlan({
  window: { startNs: 1_700_000_000_000_000_000n, endNs: 1_700_000_060_000_000_000n },
  filter: parseFilter("tcp and port 80"),
  index: parseFilter("tcp and port 80"),
});

async function source(script: string) {
  const command = join(folder, "stenoread");
  await writeFile(command, `#!/bin/bash\ncd ${folder}\n${script}\n`);
  await chmod(command, 0o755);
  return stenoreadSource({ command, config: join(folder, "config") });
}

/** A folder of certificates as stenocurl wants it, and a configuration that names it. */
async function configuration() {
  const authority = await createCertificateAuthority();
  const client = await authority.issueClient({ commonName: "127.0.0.1_client" });
  await writeFile(join(folder, "ca_cert.pem"), authority.certificate);
  await writeFile(join(folder, "client_cert.pem"), client.certificate);
  await writeFile(join(folder, "client_key.pem"), client.privateKey);
  return { authority, config: { Host: "127.0.0.1", CertPath: folder } };
}

async function count(script: string, signal = new AbortController().signal): Promise<number> {
  const { batches } = await (await source(script)).open(plan, signal);
  let packets = 0;
  for await (const batch of batches) packets += batch.count;
  return packets;
}

/** Whether any process of the script's family is alive: they all hold its folder as working directory's name. */
async function pidsOf(script: string): Promise<number[]> {
  const text = await readFile(join(folder, script), "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).map(Number).filter(isAlive);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("did not come true in 5 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("stenoread source", () => {
  it("reads what the script writes", async () => {
    expect(await count("cat answer.pcap")).toBe(1000);
  });

  it("passes one query, printed from the plan, and nothing a client chose", async () => {
    await count('printf "%s\\n" "$#" "$@" > args; cat answer.pcap');
    const args = (await readFile(join(folder, "args"), "utf8")).trimEnd().split("\n");
    expect(args[0]).toBe("3");
    expect(args[1]).toMatch(/^\(/);
    expect(args[1]).toContain("tcp");
    expect(args[1]).toContain("port 80");
    expect(args.slice(2)).toEqual(["-w", "-"]);
  });

  it("widens the query by what Stenographer's configuration says of its files", async () => {
    const record = 'printf "%s" "$1" > query; cat answer.pcap';
    await count(record);
    const byDefault = await readFile(join(folder, "query"), "utf8");
    await writeFile(
      join(folder, "config"),
      JSON.stringify({ Flags: ["--fileage_sec=600", "--blockage_sec=60"] }),
    );
    await count(record);
    const withLongFiles = await readFile(join(folder, "query"), "utf8");
    const after = (query: string) => Date.parse(/after (\S+?Z)/.exec(query)?.[1] ?? "");
    expect(after(byDefault)).toBeLessThanOrEqual(Date.parse("2023-11-14T22:13:05Z"));
    expect(after(withLongFiles)).toBeLessThanOrEqual(after(byDefault) - 540_000);
  });

  it("does not widen it by guesses where that can't be read, which would miss packets", async () => {
    await writeFile(join(folder, "config"), JSON.stringify({ Flags: ["--fileage_sec=ten"] }));
    const failure = { kind: "source-failed", message: "Stenographer's configuration can't be read" };
    await expect(count("cat answer.pcap")).rejects.toMatchObject(failure);
    await rm(join(folder, "config"));
  });

  it("tells whether the script is there when it is asked for what it has", async () => {
    const describe = (command: string) => stenoreadSource({ command }).describe(new AbortController().signal);
    expect(await describe("bash")).toEqual({});
    expect(await (await source("true")).describe(new AbortController().signal)).toEqual({});
    for (const command of ["no-such-stenoread", join(folder, "config")])
      await expect(describe(command)).rejects.toMatchObject({ kind: "source-unavailable" });
  });

  it("asks the daemon that Stenographer's own script would ask, when it is asked for what it has", async () => {
    const { authority, config } = await configuration();
    const server = await authority.issueServer({ commonName: "127.0.0.1", hosts: ["127.0.0.1"] });
    const tls = { ca: authority.certificate, cert: server.certificate, key: server.privateKey };
    const daemon = createServer({ ...tls, requestCert: true }, (request, response) =>
      response.end(request.url === "/debug/stats" ? "oldest_timestamp\t1700000000123456000\n" : ""),
    );
    daemon.listen(0, "127.0.0.1");
    await once(daemon, "listening");
    const { port } = daemon.address() as AddressInfo; // it listens on TCP
    await writeFile(join(folder, "config"), JSON.stringify({ ...config, Port: port }));
    const ofScript = await source("stenocurl /query | tcpdump");
    const describe = () => ofScript.describe(new AbortController().signal);
    expect(await describe()).toEqual({ oldestPacketNs: 1_700_000_000_123_456_000n });
    daemon.closeAllConnections();
    await new Promise((resolve) => daemon.close(resolve));
    const down = { kind: "source-unavailable", message: "Stenographer does not answer" };
    await expect(describe()).rejects.toMatchObject(down);
    await ofScript.close?.();
    await rm(join(folder, "config"));
    await expect((await source("stenocurl")).describe(new AbortController().signal)).rejects.toMatchObject({
      kind: "source-unavailable",
    });
  });

  it("gives the script an empty stdin", async () => {
    expect(await count("cat > stdin; [ -s stdin ] || cat answer.pcap")).toBe(1000);
  });

  it.each([
    ["exits with an error after half its output", "head -c 500000 answer.pcap; exit 1", "source-failed"],
    ["ends well in the middle of a packet", "head -c 500000 answer.pcap", "source-failed"],
    [
      "ends well on a packet boundary, though curl complained",
      "head -c $((24 + 10 * 1016)) answer.pcap; echo 'curl: (18) transfer closed' >&2",
      "source-failed",
    ],
    ["writes garbage", "head -c 100000 /dev/urandom", "source-failed"],
    ["writes nothing", "exit 0", "source-failed"],
    ["kills itself", "head -c 500000 answer.pcap; kill -9 $$", "source-failed"],
    [
      "finds no configuration",
      "echo \"Unable to access stenographer config at 'x'\" >&2; exit 1",
      "source-unavailable",
    ],
  ])("fails where it %s", async (_, script, kind) => {
    await expect(count(script)).rejects.toMatchObject({ kind });
  });

  it("fails as unavailable where the script is missing", async () => {
    const missing = stenoreadSource({ command: join(folder, "no-such-command") });
    await expect(missing.open(plan, new AbortController().signal)).rejects.toMatchObject({
      kind: "source-unavailable",
    });
  });

  it("ends a script that writes to stderr without end", async () => {
    await expect(count("echo $$ > pids; while :; do echo complaint >&2; done")).rejects.toMatchObject({
      kind: "source-unavailable",
    });
    await eventually(async () => (await pidsOf("pids")).length === 0);
  });

  it("leaves no process when the signal aborts, though the script and its child ignore SIGTERM", async () => {
    const controller = new AbortController();
    const script = `trap '' TERM; echo $$ >> pids; (echo $BASHPID >> pids; while :; do sleep 0.1; done) & cat answer.pcap; wait`;
    const reading = count(script, controller.signal);
    await eventually(async () => (await pidsOf("pids")).length === 2);
    controller.abort(new Error("the client left"));
    await expect(reading).rejects.toThrow("the client left");
    await eventually(async () => (await pidsOf("pids")).length === 0);
  });

  it("leaves no process when the signal aborts while nobody reads", async () => {
    const controller = new AbortController();
    const opened = await (await source("echo $$ > pids; while :; do cat answer.pcap; done")).open(
      plan,
      controller.signal,
    );
    await opened.batches[Symbol.asyncIterator]().next();
    expect((await pidsOf("pids")).length).toBe(1);
    controller.abort(new Error("the client left"));
    await eventually(async () => (await pidsOf("pids")).length === 0);
  });

  it("leaves no process when the reader has enough", async () => {
    const { batches } = await (await source("echo $$ > pids; cat answer.pcap; sleep 1000")).open(
      plan,
      new AbortController().signal,
    );
    for await (const _ of batches) break;
    await eventually(async () => (await pidsOf("pids")).length === 0);
  });
});
