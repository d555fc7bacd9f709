import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createStenographerClient } from "@stenogrpc/client/node";
import {
  debianProgram,
  eventually,
  type RunningStenographer,
  run,
  startProgram,
  startStenographer,
  type TrafficTruth,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildDist } from "./support/script.js";
import { createWorkplace, stenographerSources, type Workplace } from "./support/sensor.js";

const root = join(import.meta.dirname, "../..");
const unit = join(root, "packages/cli/docs/stenogrpc.service");

/** A program is slow to start while each of its system calls is written down. */
const slowly = { timeoutMs: 60_000 };

let workplace: Workplace;
let truth: TrafficTruth;
let daemon: RunningStenographer;

beforeAll(async () => {
  buildDist();
  workplace = await createWorkplace();
  mkdirSync(workplace.path("captures"));
  const pcap = workplace.path("captures/in.pcap");
  truth = await writeSyntheticTraffic(pcap, { packets: 1000 });
  daemon = await startStenographer({ pcap, mode: "files" });
});

afterAll(async () => {
  await daemon?.stop();
  workplace?.remove();
});

it("is a unit that systemd takes", () => {
  run(debianProgram("systemd-analyze"), ["verify", unit]);
});

it.each(["directory", "stenoread", "stenographer", "stenographer-files"] as const)(
  "allows the system calls and sockets that serving %s needs",
  async (kind) => {
    const sources = { ...stenographerSources(daemon), directory: { kind, path: workplace.path("captures") } };
    const settings = {
      root_certificate: workplace.server.ca,
      certificate_chain: workplace.server.cert,
      private_key: workplace.server.key,
      host: "127.0.0.1",
      port: 0,
      source: sources[kind],
      audit: { file: workplace.path(`${kind}.jsonl`) },
      metrics: { port: 0 },
    };
    const [config, trace, log] = ["yaml", "trace", "log"].map((end) => workplace.path(`${kind}.${end}`)) as [
      string,
      string,
      string,
    ];
    writeFileSync(config, JSON.stringify(settings)); // JSON is YAML, too
    const cli = join(root, "packages/cli/bin/stenogrpc.js");
    const strace = ["-f", "-qq", "-o", trace, process.execPath, cli, "serve", "-c", config];
    const server = startProgram(debianProgram("strace"), strace, { logPath: log });
    try {
      const listening = await eventually(() => {
        const [, port] = /^listening on 127\.0\.0\.1:(\d+)/m.exec(server.log()) ?? [];
        if (port === undefined) throw new Error(`not yet: ${server.log()}`);
        return port;
      }, slowly);
      await using client = createStenographerClient({
        server: `127.0.0.1:${listening}`,
        tls: workplace.client,
      });
      const window = { from: truth.firstNs, to: truth.lastNs + 1n };
      expect((await client.fetchPcap(window).summary).packets).toBe(truth.packets);
    } finally {
      await server.kill();
    }

    const used = [...readFileSync(trace, "utf8").matchAll(/^\d+ +(\w+)\(/gm)].map(([, call = ""]) => call);
    const allowed = callsOf(directives("SystemCallFilter").flatMap((line) => line.split(" ")));
    expect(used).toContain("accept4");
    expect([...new Set(used)].filter((call) => !allowed.has(call))).toEqual([]);
    const families = [...readFileSync(trace, "utf8").matchAll(/socket\((AF_\w+)/g)].map(
      ([, family]) => family,
    );
    const [allowedFamilies = ""] = directives("RestrictAddressFamilies");
    expect(allowedFamilies.split(" ")).toEqual(expect.arrayContaining([...new Set(families)]));
  },
);

/** What the unit says of a directive. */
function directives(name: string): string[] {
  const lines = readFileSync(unit, "utf8").split("\n");
  return lines.flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
}

/** The system calls of systemd's groups, which have others in them. */
function callsOf(groups: readonly string[]): Set<string> {
  const calls = new Set<string>();
  const pending = [...groups];
  for (let group = pending.pop(); group !== undefined; group = pending.pop()) {
    const listed = run(debianProgram("systemd-analyze"), ["syscall-filter", group]).toString();
    for (const line of listed.split("\n").slice(1)) {
      const name = line.trim();
      if (name.startsWith("@")) pending.push(name);
      else if (name !== "" && !name.startsWith("#")) calls.add(name);
    }
  }
  return calls;
}
