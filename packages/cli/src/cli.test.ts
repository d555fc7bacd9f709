import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PacketSource } from "@stenogrpc/server";
import { createStenographerServer } from "@stenogrpc/server";
import { memorySource } from "@stenogrpc/server/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { writeCapture } from "../test-support/captures.js";
import { batchIn, labYaml, only, startSeconds, window, writeLabCapture } from "../test-support/lab.js";
import { endLeftovers, type RunningCli, runCli, startCli, startInTerminal } from "../test-support/run-cli.js";

// Each test starts processes that compile their sources, on processors that may be shared.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let capture: Buffer;
let server: RunningCli;
let address: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-cli-"));
  capture = writeLabCapture(folder);
  expect(await run("certs", "pki", "--host", "127.0.0.1")).toMatchObject({ code: 0 });
  writeFileSync(join(folder, "pki", "lab.yaml"), labYaml);
  server = startCli(["serve", "-c", "pki/lab.yaml"], { cwd: folder });
  const [, where = ""] = await server.shows(
    /^listening on (127\.0\.0\.1:\d+) sensor="lab" source=directory$/m,
  );
  address = where;
});

afterAll(async () => {
  server?.child.kill("SIGTERM");
  const end = await server?.end;
  const leftovers = await endLeftovers();
  rmSync(folder, { recursive: true });
  expect({ code: end?.code, leftovers }).toEqual({ code: 0, leftovers: 0 });
});

/** Where the last test wrote, in the folder. */
let out: string;
let count = 0;
afterEach(() => {
  const partial = readdirSync(folder, { recursive: true }).filter((name) =>
    /partial|\.tmp/.test(String(name)),
  );
  expect(partial).toEqual([]);
});
function freshFolder(): string {
  out = `out${++count}`;
  mkdirSync(join(folder, out));
  return out;
}

function run(...args: string[]) {
  return runCli(args, { cwd: folder });
}

function fetch(...args: string[]) {
  return run("fetch", "-c", "pki/client.yaml", "-s", address, ...window, ...args);
}

function read(...path: string[]): Buffer {
  return readFileSync(join(folder, ...path));
}

describe("stenogrpc certs", () => {
  it("makes an authority, a server and clients, then adds a client and changes nothing", async () => {
    const made = await run("certs", "made", "--client", "alice", "bob", "--host", "sensor.example", "::1");
    expect(made).toMatchObject({ code: 0 });
    expect(made.stderr).toContain("stenogrpc serve -c made/server.yaml");
    const names = ["alice", "bob", "ca", "server"].flatMap((name) => [`${name}.crt`, `${name}.key`]);
    expect(readdirSync(join(folder, "made")).toSorted()).toEqual(
      [...names, "client.yaml", "issued", "server.yaml"].toSorted(),
    );
    for (const name of names.filter((name) => name.endsWith(".key"))) {
      expect(statSync(join(folder, "made", name)).mode & 0o777).toBe(0o600);
    }
    expect(read("made", "client.yaml").toString()).toContain("private_key: alice.key");
    expect(read("made", "client.yaml").toString()).toContain('server: "sensor.example:8443"');

    const before = names.map((name) => read("made", name).toString());
    const added = await run("certs", "made", "--client", "carol");
    expect(added).toMatchObject({ code: 0 });
    expect(added.stderr).toContain(
      "Made in made: carol.crt, carol.key\nKept as they were: ca.crt, server.crt",
    );
    expect(names.map((name) => read("made", name).toString())).toEqual(before);
  });
});

describe("stenogrpc fetch", () => {
  it("saves a complete answer and exits with 0", async () => {
    const to = freshFolder();
    const { code, stdout, stderr } = await fetch("-o", `${to}/dns.pcap`, "port 53");
    const expected = only(capture, ({ port }) => port === 53);
    expect(read(to, "dns.pcap").equals(expected)).toBe(true);
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain(`complete: 10 packets, 604 B in ${to}/dns.pcap`);
    expect(stderr).toContain(`sha256 ${createHash("sha256").update(expected).digest("hex")}`);
    expect(stderr).toContain("sensor lab (directory)");
    expect(readdirSync(join(folder, to))).toEqual(["dns.pcap"]);
  });

  it("names the file by the uid where no name is given", async () => {
    const to = freshFolder();
    const { code } = await runCli(
      ["fetch", "-c", "../pki/client.yaml", "-s", address, ...window, "--uid", "u-1", "-q", "udp"],
      { cwd: join(folder, to) },
    );
    expect(code).toBe(0);
    expect(read(to, "u-1.pcap").equals(capture)).toBe(true);
  });

  it("exits with 3 when nothing matches, and saves an empty capture", async () => {
    const to = freshFolder();
    const { code, stderr } = await fetch("-o", `${to}/none.pcap`, "port 4711");
    expect(stderr).toContain("no packets");
    expect(code).toBe(3);
    expect(read(to, "none.pcap")).toHaveLength(24);
  });

  it("exits with 2 for a bad filter, with its caret and without a server", async () => {
    const to = freshFolder();
    const args = ["-s", "127.0.0.1:1", ...window, "-o", `${to}/x.pcap`, "host 10.0.0.5 and prt 443"];
    const { code, stderr } = await run("fetch", "-c", "pki/client.yaml", ...args);
    expect(stderr).toContain("\n  host 10.0.0.5 and prt 443\n                    ^\n");
    expect(code).toBe(2);
    expect(readdirSync(join(folder, to))).toEqual([]);
  });

  it("exits with 1 when no one listens, and leaves nothing", async () => {
    const to = freshFolder();
    const args = ["-s", "127.0.0.1:1", ...window, "-o", `${to}/x.pcap`, "--json"];
    const { code, stdout, stderr } = await run("fetch", "-c", "pki/client.yaml", ...args);
    expect(stderr).toContain("[CONNECTION_FAILED]");
    expect(code).toBe(1);
    expect(JSON.parse(stdout.toString())).toMatchObject({ verdict: "failed", reason: "CONNECTION_FAILED" });
    expect(readdirSync(join(folder, to))).toEqual([]);
  });

  it("writes only packets to stdout with -o -", async () => {
    const { code, stdout, stderr } = await fetch("-o", "-", "port 53");
    expect(stdout.equals(only(capture, ({ port }) => port === 53))).toBe(true);
    expect(stderr).toContain("complete: 10 packets");
    expect(code).toBe(0);
  });
});

describe("stenogrpc info", () => {
  it("describes the sensor in words", async () => {
    const { code, stdout, stderr } = await run("info", "-c", "pki/client.yaml", "-s", address);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.toString()).toMatch(/^sensor {8}lab$/m);
    expect(stdout.toString()).toMatch(/^source {8}directory$/m);
    expect(stdout.toString()).toMatch(/^oldest packet 2026-01-02T03:04:05Z$/m);
    expect(stdout.toString()).toMatch(/^max window {4}1d$/m);
    expect(stdout.toString()).toMatch(/^max bytes {5}no limit$/m);
    expect(stdout.toString()).toMatch(/^at once {7}10 retrievals$/m);
  });
});

describe("stenogrpc batch", () => {
  const [first, last] = [startSeconds, startSeconds + 19];

  function batch(csv: string, ...args: string[]) {
    const to = freshFolder();
    writeFileSync(join(folder, to, "requests.csv"), csv);
    return run(...batchIn(to, address), ...args);
  }

  it("fetches each row, whatever becomes of the others", async () => {
    const csv = `epoch_start,epoch_end,bpf
${first},${last},"port 53 and host 10.0.1.0"
${first},${last},prt 53
${first},${last},port 4711
${first},${last},udp
9,8,udp
`;
    const { code, stdout, stderr } = await batch(csv, "--max-packets", "10");
    expect(code).toBe(1);
    expect(stdout.toString()).toBe("");
    expect(stderr).toContain("5 rows: 1 complete, 2 bad-row, 1 no-packets, 1 truncated");
    const results = read(out, "case", "results.csv").toString().trimEnd().split("\n");
    const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    const one = only(capture, (_, i) => i === 0);
    const ten = only(capture, (_, i) => i < 10);
    const unwritten =
      "not on disk yet after 2026-01-02T03:04:24.000000020Z (asked up to 2026-01-02T03:04:25Z); ask again in a few minutes";
    const between = "2026-01-02T03:04:05Z/2026-01-02T03:04:25Z";
    expect(results[0]).toBe(
      "row,filter,window,verdict,packets,bytes,sha256,file,error,missing,stoppedBy,asked,uid",
    );
    expect(results[1]?.replace(/[0-9a-f-]{36}$/, "UUID")).toBe(
      `1,port 53 and host 10.0.1.0,${between},complete,1,${one.length},${hash(one)},0001-port-53-and-host-10.0.1.0.pcap,,${unwritten},nothing,server ${address}; client CN=analyst; dialect pcap; max_packets 10,UUID`,
    );
    expect(results.join("\n")).toContain(
      `2,prt 53,${between},bad-row,,,,,"line 3: filter: unexpected ""prt"" at column 1`,
    );
    expect(results.join("\n")).toContain(`\n3,port 4711,${between},no-packets,0,24,`);
    expect(results.join("\n")).toContain(
      `\n4,udp,${between},truncated,10,${ten.length},${hash(ten)},0004-udp.pcap,`,
    );
    expect(results.at(-1)).toBe("5,udp,,bad-row,,,,,line 6: epoch_end 8 lies before epoch_start 9,,,,");
    expect(read(out, "case", "0001-port-53-and-host-10.0.1.0.pcap").equals(one)).toBe(true);
    expect(read(out, "case", "0004-udp.pcap").equals(ten)).toBe(true);
    expect(read(out, "case", "0003-port-4711.pcap")).toHaveLength(24);
    expect(readdirSync(join(folder, out, "case"))).toHaveLength(4);
  });
});

describe("stenogrpc serve", () => {
  it("takes the original's YAML unchanged and stops at SIGTERM", async () => {
    const yaml = `root_certificate: ca.crt
private_key: server.key
certificate_chain: server.crt
port: 0
workers: 10
sleep: 86400
`;
    writeFileSync(join(folder, "pki", "original.yaml"), yaml);
    const original = startCli(["serve", "-c", "pki/original.yaml"], { cwd: folder });
    await original.shows(/^listening on .*:\d+ sensor=".+" source=stenoread$/m);
    original.child.kill("SIGTERM");
    const { code, stderr } = await original.end;
    expect(code).toBe(0);
    const log = stderr.trimEnd().split("\n");
    expect(log.map((line) => JSON.parse(line).msg)).toContain("listening");
  });

  it("says at once that its packets can't be reached", async () => {
    const yaml = `${labYaml.replace(/^source:.*$/m, "source: { kind: stenoread, command: no-such-stenoread }")}`;
    writeFileSync(join(folder, "pki", "unreachable.yaml"), yaml);
    const server = startCli(["serve", "-c", "pki/unreachable.yaml"], { cwd: folder });
    await server.shows(/"level":40,.*"source":"stenoread","problem":".*the packets can't be reached/);
    const [, where = ""] = await server.shows(/^listening on (127\.0\.0\.1:\d+)/m);
    const info = await run("info", "-c", "pki/client.yaml", "-s", where);
    expect(info).toMatchObject({ code: 1, stderr: expect.stringContaining("[SOURCE_UNAVAILABLE]") });
    server.child.kill("SIGTERM");
    expect((await server.end).code).toBe(0);
  });
});

describe("stenogrpc serve with metrics", () => {
  it("tells Prometheus what it has served, and probes that it is well; and does not start where it can't", async () => {
    writeFileSync(join(folder, "pki", "watched.yaml"), `${labYaml}metrics: { port: 0 }\n`);
    const watched = startCli(["serve", "-c", "pki/watched.yaml"], { cwd: folder });
    const [, url = ""] = await watched.shows(
      /"url":"(http:\/\/127\.0\.0\.1:\d+)","msg":"metrics and health"/,
    );
    const [, where = ""] = await watched.shows(/^listening on (127\.0\.0\.1:\d+)/m);
    const asked = ["-c", "pki/client.yaml", "-s", where, ...window];
    expect((await run("fetch", ...asked, "-o", `${freshFolder()}/x.pcap`)).code).toBe(0);
    const metrics = await (await globalThis.fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('\nstenogrpc_retrievals_total{outcome="served"} 1\n');
    expect(metrics).toMatch(/\nstenogrpc_newest_packet_timestamp_seconds 1767323064(\.\d+)?\n/);
    expect((await globalThis.fetch(`${url}/healthz`)).status).toBe(200);

    const { port } = new URL(url);
    writeFileSync(join(folder, "pki", "second.yaml"), `${labYaml}metrics: { port: ${port} }\n`);
    const second = await run("serve", "-c", "pki/second.yaml");
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(
      `second.yaml: metrics: cannot listen on host 127.0.0.1, port ${port}: the port is taken`,
    );
    watched.child.kill("SIGTERM");
    expect((await watched.end).code).toBe(0);
  });
});

describe("stenogrpc serve with an audit log", () => {
  it("writes down what is asked, and lets no second server write the same log", async () => {
    writeFileSync(join(folder, "pki", "audited.yaml"), `${labYaml}audit: { file: audit.jsonl, keep: 3 }\n`);
    const audited = startCli(["serve", "-c", "pki/audited.yaml"], { cwd: folder });
    const [, where = ""] = await audited.shows(/^listening on (127\.0\.0\.1:\d+)/m);
    const second = await run("serve", "-c", "pki/audited.yaml");
    expect(second.code).toBe(2);
    expect(second.stderr).toContain("audited.yaml: audit: ");
    expect(second.stderr).toContain("another process writes this audit log");
    const asked = ["-c", "pki/client.yaml", "-s", where, ...window, "--reason", "case 4711"];
    expect((await run("fetch", ...asked, "-o", `${freshFolder()}/x.pcap`)).code).toBe(0);
    audited.child.kill("SIGTERM");
    expect((await audited.end).code).toBe(0);
    const [line] = read("pki", "audit.jsonl").toString().split("\n");
    expect(JSON.parse(line ?? "")).toMatchObject({
      rpc: "FetchPcap",
      sensor: "lab",
      identity: { name: "analyst" },
      reason: "case 4711",
      outcome: "served",
      sha256: createHash("sha256").update(capture).digest("hex"),
    });
    expect((await run("audit", "verify", "pki/audit.jsonl")).stdout.toString()).toContain(
      "intact: 1 line in 1 file\n",
    );
  });
});

// Linux has /dev/full.
describe.runIf(process.platform === "linux")("standard output that takes nothing", () => {
  const noSpace = "standard output: no space left on device (ENOSPC)";

  /** Runs a command line whose reader leaves before it reads anything. */
  function runUnread(...args: string[]) {
    const cli = startCli(args, { cwd: folder, readStdout: false });
    cli.child.stdout.destroy();
    return cli.end;
  }

  it.each([
    ["--help"],
    ["fetch", "--help"],
    ["--version"],
    ["check", "udp"],
    ["certs", "list", "pki"],
    ["verify", "captures/a.pcap"],
    ["info", "-c", "pki/client.yaml", "-s"],
  ])(
    "ends %s with 1: without a word where the reader has left, with one line where the disk is full",
    async (...args) => {
      if (args.at(-1) === "-s") args.push(address);
      expect(await runUnread(...args)).toMatchObject({ code: 1, stderr: "" });
      expect(await runCli(args, { cwd: folder, stdoutTo: "/dev/full" })).toMatchObject({
        code: 1,
        stderr: `stenogrpc: ${noSpace}\n`,
      });
    },
  );

  it("takes nothing from a file that is in place", async () => {
    const file = `${freshFolder()}/whole.pcap`;
    const asked = ["fetch", "-c", "pki/client.yaml", "-s", address, ...window, "-o", file, "--json"];
    const lost = `stenogrpc: ${file} is in place, but its result could not be printed: `;
    const unread = await runUnread(...asked);
    expect(unread).toMatchObject({ code: 1, stderr: `${lost}the reader of standard output left\n` });
    expect(read(file).equals(capture)).toBe(true);
    const full = await runCli([...asked, "--overwrite"], { cwd: folder, stdoutTo: "/dev/full" });
    expect(full).toMatchObject({ code: 1, stderr: `${lost}${noSpace}\n` });
    expect(read(file).equals(capture)).toBe(true);
  });

  it("makes packets on stdout less than whole", async () => {
    const asked = ["fetch", "-c", "pki/client.yaml", "-s", address, ...window, "-o", "-"];
    expect(await runCli(asked, { cwd: folder, stdoutTo: "/dev/full" })).toMatchObject({
      code: 1,
      stderr: `stenogrpc: ${noSpace}; what it got is not whole\n`,
    });
  });
});

describe("interruptions", () => {
  /**
   * A server whose answers begin and do not end, but for the first `wholeAnswers` and those after `answerWhole()`; `asked` resolves
   * when a client has asked for one that does not, `left` when it has left.
   */
  async function endlessServer({ wholeAnswers = 0 } = {}) {
    const source = memorySource(capture);
    let wholeLeft = wholeAnswers;
    let clientLeft: () => void = () => {};
    let clientAsked: () => void = () => {};
    const left = new Promise<void>((resolve) => {
      clientLeft = resolve;
    });
    const asked = new Promise<void>((resolve) => {
      clientAsked = resolve;
    });
    const endless: PacketSource = {
      kind: "endless",
      describe: async () => ({}),
      open: async (plan, signal) => {
        if (wholeLeft-- > 0) return source.open(plan, signal);
        clientAsked();
        signal.addEventListener("abort", clientLeft);
        const open = await source.open(plan, signal);
        async function* batches() {
          yield* open.batches;
          await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        }
        return { ...open, batches: batches() };
      },
    };
    const started = await createStenographerServer({
      source: endless,
      tls: {
        ca: read("pki", "ca.crt").toString(),
        cert: read("pki", "server.crt").toString(),
        key: read("pki", "server.key").toString(),
      },
      host: "127.0.0.1",
      port: 0,
      limits: { minChunkBytes: 1024, defaultChunkBytes: 1024 },
    });
    const answerWhole = () => {
      wholeLeft = Number.POSITIVE_INFINITY;
    };
    const close = () => started.close({ graceMs: 0 });
    return { asked, left, where: `127.0.0.1:${started.port}`, answerWhole, close };
  }

  it.each([
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s ends a fetch with %i, no file, no process, and stops the server's work",
    async (signal, code) => {
      const to = freshFolder();
      const endless = await endlessServer();
      try {
        const cli = startCli(
          ["fetch", "-c", "pki/client.yaml", "-s", endless.where, ...window, "-o", `${to}/x.pcap`],
          {
            cwd: folder,
          },
        );
        await endless.asked;
        expect(readdirSync(join(folder, to))).toEqual([expect.stringMatching(/\.partial$/)]);
        cli.child.kill(signal);
        const end = await cli.end;
        expect(end.stderr).toContain("interrupted; nothing was kept");
        expect(end.code).toBe(code);
        expect(readdirSync(join(folder, to))).toEqual([]);
        await endless.left;
      } finally {
        await endless.close();
      }
    },
  );

  // script(1) of util-linux.
  it.runIf(process.platform === "linux")(
    "the end of its terminal ends a fetch with 129 and no file",
    async () => {
      const to = freshFolder();
      const endless = await endlessServer();
      try {
        const args = ["fetch", "-c", "pki/client.yaml", "-s", endless.where, ...window, "-o", `${to}/x.pcap`];
        const terminal = startInTerminal(args, { cwd: folder, codeTo: `${to}/code` });
        await endless.asked;
        expect(readdirSync(join(folder, to))).toEqual([expect.stringMatching(/\.partial$/)]);
        terminal.child.kill("SIGKILL");
        await terminal.end;
        expect(read(to, "code").toString()).toBe("129\n");
        expect(readdirSync(join(folder, to))).toEqual(["code"]);
        await endless.left;
      } finally {
        await endless.close();
      }
    },
  );

  it("Ctrl-C ends a batch with 130, and results.csv says what was not finished", async () => {
    const to = freshFolder();
    writeFileSync(
      join(folder, to, "r.csv"),
      `${startSeconds},${startSeconds},udp\n${startSeconds},${startSeconds},tcp\n`,
    );
    const endless = await endlessServer();
    try {
      const args = ["-s", endless.where, "-r", `${to}/r.csv`, "-o", `${to}/case`, "--concurrency", "1"];
      const cli = startCli(["batch", "-c", "pki/client.yaml", ...args], { cwd: folder });
      await endless.asked;
      cli.child.kill("SIGINT");
      expect(await cli.end).toMatchObject({ code: 130 });
      expect(readdirSync(join(folder, to, "case"))).toEqual(["results.csv"]);
      expect(
        read(to, "case", "results.csv")
          .toString()
          .match(/,canceled,/g),
      ).toHaveLength(2);
    } finally {
      await endless.close();
    }
  });

  it.each([
    ["Ctrl-C ended", "SIGINT", 130],
    ["was killed", "SIGKILL", null],
  ] as const)(
    "a batch that %s goes on with --resume: what was complete stays, the rest is fetched",
    async (_, signal, exit) => {
      const to = freshFolder();
      const [first, last] = [startSeconds, startSeconds + 19];
      writeFileSync(join(folder, to, "requests.csv"), `${first},${last},udp\n${first},${last},port 53\n`);
      const endless = await endlessServer({ wholeAnswers: 1 });
      const batch = [...batchIn(to, endless.where), "--concurrency", "1"];
      const results = () => read(to, "case", "results.csv").toString().trimEnd().split("\n");
      try {
        const cli = startCli(batch, { cwd: folder });
        await endless.asked;
        cli.child.kill(signal);
        expect((await cli.end).code).toBe(exit);
        // Who is killed can't take away what it had begun; --resume does.
        const begun = readdirSync(join(folder, to, "case")).filter((name) => name.endsWith(".partial"));
        expect(begun).toEqual(exit === null ? [expect.stringMatching(/^\.0002-port-53\.pcap\./)] : []);
        const [, udp, ...rest] = results();
        expect(udp).toMatch(/^1,udp,.*,complete,20,/);
        expect(rest).toEqual(exit === null ? [] : [expect.stringMatching(/^2,port 53,.*,canceled,,/)]);
        endless.answerWhole();
        const { code, stderr } = await run(...batch, "--resume");
        expect(stderr).toMatch(/^row 1 \(line 1\): complete: 20 packets, 0001-udp\.pcap \(kept\)$/m);
        expect(stderr).toContain("2 rows: 2 complete; 1 kept\n");
        expect(code).toBe(0);
        expect(results()[1]).toBe(udp);
        expect(results()[2]).toMatch(/^2,port 53,.*,complete,10,/);
        const expected = only(capture, ({ port }) => port === 53);
        expect(read(to, "case", "0002-port-53.pcap").equals(expected)).toBe(true);
        expect(readdirSync(join(folder, to, "case"))).toHaveLength(3);
      } finally {
        await endless.close();
      }
    },
  );

  it("a reader that leaves stdout ends the fetch with 1 and one line", async () => {
    writeLargeCapture();
    const cli = startCli(["fetch", "-c", "pki/client.yaml", "-s", address, ...largeWindow, "-o", "-"], {
      cwd: folder,
      readStdout: false,
    });
    cli.child.stdout.once("readable", () => cli.child.stdout.destroy());
    const end = await cli.end;
    expect(end.stderr).toBe("stenogrpc: the reader of standard output left before the last packet\n");
    expect(end.code).toBe(1);
  });

  it("Ctrl-C says of packets on stdout that they are not whole", async () => {
    const endless = await endlessServer();
    try {
      const to = `${freshFolder()}/cut.pcap`;
      const args = ["fetch", "-c", "pki/client.yaml", "-s", endless.where, ...window, "-o", "-"];
      const cli = startCli(args, { cwd: folder, stdoutTo: to });
      await endless.asked;
      cli.child.kill("SIGINT");
      expect(await cli.end).toMatchObject({
        code: 130,
        stderr: "stenogrpc: interrupted; what standard output got is not whole\n",
      });
    } finally {
      await endless.close();
    }
  });

  it("the first SIGTERM lets a server's retrieval end, the second does not", async () => {
    writeLargeCapture();
    for (const patience of [true, false]) {
      const stopping = startCli(["serve", "-c", "pki/lab.yaml"], { cwd: folder });
      const [, where = ""] = await stopping.shows(/^listening on (\S+)/m);
      const cli = startCli(["fetch", "-c", "pki/client.yaml", "-s", where, ...largeWindow, "-o", "-"], {
        cwd: folder,
        readStdout: false,
      });
      await new Promise((resolve) => cli.child.stdout.once("readable", resolve));
      stopping.child.kill("SIGTERM");
      await stopping.shows(/stopping after the retrievals under way/);
      if (!patience) {
        stopping.child.kill("SIGTERM");
        expect((await stopping.end).code).toBe(143);
      }
      let bytes = 0;
      for await (const piece of cli.child.stdout) bytes += piece.length;
      const end = await cli.end;
      if (patience) {
        expect({ code: end.code, bytes, stderr: end.stderr }).toEqual({
          code: 0,
          bytes: largeCaptureBytes,
          stderr: expect.stringContaining("complete: 700 packets"),
        });
        expect((await stopping.end).code).toBe(0);
      } else {
        expect(end.stderr).toContain("[CONNECTION_LOST]");
        expect(end.code).toBe(1);
      }
    }
  });
});

const largeWindow = ["--from", "2026-02-01T00:00:00Z", "--to", "2026-02-01T01:00:00Z"];
let largeCaptureBytes = 0;
/** More than all windows and pipes between server and reader hold. */
function writeLargeCapture(): void {
  if (largeCaptureBytes > 0) return;
  const payloadBytes = 60_000;
  const large = Array.from({ length: 700 }, (_, i) => ({
    timestampNs: 1_769_904_000_000_000_000n + BigInt(i) * 1_000_000n,
    source: "10.0.0.6",
    destination: "10.0.1.1",
    port: 9,
    payloadBytes,
  }));
  largeCaptureBytes = writeCapture(join(folder, "captures", "large.pcap"), large).length;
}
