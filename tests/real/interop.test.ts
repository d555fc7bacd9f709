import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import {
  createStenographerClient,
  type NodeStenographerClient,
  type StenographerError,
} from "@stenogrpc/client/node";
import {
  eventually,
  type Program,
  packetLine,
  readPcap,
  startProgram,
  type TrafficTruth,
  tcpdumpSelect,
  temporaryFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorkplace, type Sensor, startSensor, type Workplace } from "./support/sensor.js";

const root = join(import.meta.dirname, "../..");
const python = join(root, "tests/interop/python");
/** Debian's own, which its python3-grpcio is for. */
const interpreter = "/usr/bin/python3";

let workplace: Workplace;
let pcap = "";
let truth: TrafficTruth;
const start = 1_700_000_000;

beforeAll(async () => {
  workplace = await createWorkplace();
  mkdirSync(join(workplace.folder, "captures"));
  pcap = join(workplace.folder, "captures", "traffic.pcap");
  truth = await writeSyntheticTraffic(pcap, { packets: 20_000, start, packetsPerSecond: 1000 });
});

afterAll(() => workplace.remove());

interface ClientOutcome {
  readonly code: string;
  readonly details?: string;
  readonly messages: number;
  readonly empty: number;
  readonly bytes: number;
  readonly uids: readonly string[];
}

/** Runs the client of 2019: its JSON line, and the file it wrote. */
async function runGrpcioClient(server: string, options: Record<string, string | number>) {
  const output = join(workplace.folder, "grpcio");
  mkdirSync(output, { recursive: true });
  const { ca, cert, key } = workplace.client;
  const all = { server, ca, cert, key, output, from: start, to: start + 3600, ...options };
  const args = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(interpreter, [join(python, "grpcio_client.py"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const exited = once(child, "exit");
  const line = await text(child.stdout);
  const [exitCode] = await exited;
  const outcome: ClientOutcome = JSON.parse(line); // of grpcio_client.py
  return { exitCode, outcome, file: readFileSync(join(output, `${options.uid ?? "1"}.pcap`)) };
}

describe("grpcio's client of 2019 at our server", () => {
  let sensor: Sensor;

  beforeAll(async () => {
    sensor = await startSensor(workplace, { kind: "directory", path: join(workplace.folder, "captures") });
  });

  afterAll(() => sensor.stop());

  it.each(["", "udp and port 53", "port 80 or port 81", "vlan 10 and tcp"])(
    'gets the bytes that our own client gets, for "%s"',
    async (bpf) => {
      const client = sensor.connect();
      const fetch = client.fetchPcap({
        from: start,
        to: start + 4,
        filter: bpf || undefined,
        dialect: "stenographer",
      });
      const pieces: Uint8Array[] = [];
      for await (const piece of fetch) pieces.push(piece);
      // Its end is included, as seconds: 3 is the fourth second.
      const { outcome, file } = await runGrpcioClient(sensor.address, { bpf, to: start + 3, uid: "same" });
      expect(outcome).toMatchObject({ code: "OK", bytes: file.length, uids: ["same"] });
      expect(file.equals(Buffer.concat(pieces))).toBe(true);
      const second = 1_000_000_000n;
      const window = { startNs: BigInt(start) * second, endNs: BigInt(start + 4) * second };
      const wanted = tcpdumpSelect(pcap, bpf === "" ? undefined : bpf, window);
      expect(wanted.length).toBeGreaterThan(0);
      expect(readPcap(file).map(packetLine)).toEqual(wanted.map(packetLine));
      await client.close();
    },
  );

  it.each(["not tcp", "tcp[13] & 2 != 0"])(
    "is answered in tcpdump's language where Stenographer's has no such words: \"%s\"",
    async (bpf) => {
      const client = sensor.connect();
      const fetch = client.fetchPcap({ from: start, to: start + 4, filter: bpf, dialect: "pcap" });
      const pieces: Uint8Array[] = [];
      for await (const piece of fetch) pieces.push(piece);
      const { outcome, file } = await runGrpcioClient(sensor.address, { bpf, to: start + 3, uid: "pcap" });
      expect(outcome).toMatchObject({ code: "OK", bytes: file.length });
      expect(file.equals(Buffer.concat(pieces))).toBe(true);
      expect((await fetch.summary).packets).toBeGreaterThan(10);
      await client.close();
    },
  );

  it("gets no empty message after the end, where the original sent them until max_size was counted off", async () => {
    const { outcome } = await runGrpcioClient(sensor.address, { bpf: "icmp" });
    // The last one carries the summary, which the original contract does not know.
    expect(outcome).toMatchObject({ code: "OK", empty: 1 });
  });

  it("gets messages of a useful size though it asks for 1000 bytes", async () => {
    const { outcome } = await runGrpcioClient(sensor.address, {});
    expect(outcome.bytes).toBeGreaterThan(4_900_000);
    expect(outcome.messages).toBeLessThan(100);
  });

  it("gets whole packets up to its max_size, where the original cut one in half", async () => {
    const { outcome, file } = await runGrpcioClient(sensor.address, { "max-size": 100_000 });
    expect(outcome.code).toBe("OK");
    const packets = readPcap(file); // throws where a record is cut
    const all = readPcap(pcap);
    expect(packets.map(packetLine)).toEqual(all.slice(0, packets.length).map(packetLine));
    expect(file.length).toBeLessThanOrEqual(100_000);
    const next = all[packets.length];
    expect(file.length + 16 + (next?.data.length ?? 0)).toBeGreaterThan(100_000);
  });

  it("cannot choose a path, and gets its packets all the same", async () => {
    const before = statSync("/etc").mtimeMs;
    const { outcome, file } = await runGrpcioClient(sensor.address, {
      path: "/etc",
      bpf: "icmp",
      uid: "etc",
    });
    expect(outcome.code).toBe("OK");
    expect(readPcap(file)).toHaveLength(truth.protocols.get(1) ?? -1);
    expect(statSync("/etc").mtimeMs).toBe(before);
  });

  it.each(["../../x", "a/b", ".hidden", "x".repeat(129)])('is refused with the uid "%s"', async (uid) => {
    const { ca, cert, key } = workplace.client;
    const args = [
      "--server",
      sensor.address,
      "--ca",
      ca,
      "--cert",
      cert,
      "--key",
      key,
      "--output",
      workplace.folder,
    ];
    const child = spawn(
      interpreter,
      [join(python, "grpcio_client.py"), ...args, "--from=1", "--to=2", `--uid=${uid}`],
      { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } },
    );
    expect(JSON.parse(await text(child.stdout))).toMatchObject({ code: "INVALID_ARGUMENT", messages: 0 });
  });

  it.each(["@/etc/passwd", "-w /tmp/x", "--limit-packets", "tcp; rm", "tcp and", "not"])(
    'is refused with the filter "%s"',
    async (bpf) => {
      const { exitCode, outcome } = await runGrpcioClient(sensor.address, { bpf, uid: "bad" });
      expect([exitCode, outcome.code, outcome.messages]).toEqual([1, "INVALID_ARGUMENT", 0]);
    },
  );

  it("leaves no file on the server, where the original left one for each request", async () => {
    await runGrpcioClient(sensor.address, { uid: "left" });
    expect(temporaryFiles(sensor.temporary).filter((name) => !name.startsWith("tsx-"))).toEqual([]);
  });

  it("hears of a stenoread that fails, where the original sent nothing and called it success", async () => {
    const failing = join(workplace.folder, "failing-stenoread");
    writeFileSync(failing, "#!/bin/sh\necho 'tcpdump: unknown file format' >&2\nexit 1\n", { mode: 0o755 });
    const broken = await startSensor(workplace, { kind: "stenoread", command: failing });
    const { exitCode, outcome } = await runGrpcioClient(broken.address, { uid: "hidden" });
    expect([exitCode, outcome.code, outcome.bytes]).toEqual([1, "INTERNAL", 0]);
    await broken.stop();
  });
});

/** Fetches everything, which must fail. */
async function failureOf(client: NodeStenographerClient, more: { maxBytes?: number; chunkBytes?: number }) {
  const whole = async (): Promise<void> => {
    for await (const _ of client.fetchPcap({ from: start, to: start + 3600, ...more }));
  };
  return whole().then(
    () => undefined,
    (error: StenographerError) => error,
  );
}

describe("our client at grpcio's server of 2019", () => {
  let server: Program;
  let address = "";

  async function startServer(name: string, args: readonly string[]): Promise<void> {
    const { ca, cert, key } = workplace.server;
    server = startProgram(
      interpreter,
      [join(python, "grpcio_server.py"), `--ca=${ca}`, `--cert=${cert}`, `--key=${key}`, ...args],
      { logPath: join(workplace.folder, `${name}.log`), env: { PYTHONDONTWRITEBYTECODE: "1" } },
    );
    address = await eventually(() => /^listening (\d+)$/m.exec(server.log())?.[1], {
      timeoutMs: 20_000,
      what: "grpcio's server",
    }).then((port) => `127.0.0.1:${port}`);
  }

  const connect = (originalServer: boolean) =>
    createStenographerClient({ server: address, tls: workplace.client, originalServer });

  const lastRequest = () => JSON.parse(server.log().trim().split("\n").at(-1) ?? "{}");

  describe("that has the packets", () => {
    beforeAll(() => startServer("serving", [`--file=${pcap}`]));
    afterAll(() => server.kill());

    it("fetches them whole, and says how far it could check", async () => {
      const client = connect(true);
      const target = join(workplace.folder, "from-original.pcap");
      const result = await client
        .fetchPcap({ from: start, to: start + 3600, filter: "tcp", uid: "whole" })
        .toFile(target);
      expect(result).toMatchObject({ verdict: "complete", packets: 20_000, verification: "structure-only" });
      expect(readFileSync(target).equals(readFileSync(pcap))).toBe(true);
      expect(lastRequest()).toEqual({
        uid: "whole",
        chunk_size: 65_536,
        max_size: 2_147_483_647,
        path: "",
        epoch_start: start,
        epoch_end: start + 3599,
        bpf: "tcp",
      });
      await client.close();
    });

    it("applies the exact window, which the original only knows in seconds", async () => {
      const client = connect(true);
      const second = 1_000_000_000n;
      const window = {
        startNs: BigInt(start) * second + second / 2n,
        endNs: BigInt(start) * second + second,
      };
      const fetch = client.fetchPcap({ from: window.startNs, to: window.endNs });
      const pieces: Uint8Array[] = [];
      for await (const piece of fetch) pieces.push(piece);
      const wanted = tcpdumpSelect(pcap, undefined, window);
      expect(wanted.length).toBeGreaterThan(300);
      expect(readPcap(Buffer.concat(pieces)).map(packetLine)).toEqual(wanted.map(packetLine));
      await client.close();
    });

    it("makes whole packets of an answer that is cut in one, and calls it truncated", async () => {
      const client = connect(true);
      const fetch = client.fetchPcap({ from: start, to: start + 3600, maxBytes: 100_001 });
      const pieces: Uint8Array[] = [];
      for await (const piece of fetch) pieces.push(piece);
      const packets = readPcap(Buffer.concat(pieces));
      expect(await fetch.summary).toMatchObject({
        verdict: "truncated",
        stoppedBy: "max-bytes",
        packets: packets.length,
        verification: "structure-only",
      });
      expect(packets.map(packetLine)).toEqual(readPcap(pcap).slice(0, packets.length).map(packetLine));
      expect(packets.length).toBeGreaterThan(100);
      await client.close();
    });

    it("takes no answer for whole that is cut within packets, unless told that the server is original", async () => {
      const client = connect(false);
      const error = await failureOf(client, { maxBytes: 1_000_000, chunkBytes: 65_536 });
      expect(error).toMatchObject({ reason: "MALFORMED_ANSWER" });
      await client.close();
    });
  });

  describe("whose answer fits into one message", () => {
    beforeAll(async () => {
      const small = join(workplace.folder, "small.pcap");
      await writeSyntheticTraffic(small, { packets: 20, start });
      await startServer("small", [`--file=${small}`]);
    });
    afterAll(() => server.kill());

    it("misses the summary, and says that the server may be an original one", async () => {
      const client = connect(false);
      const error = await failureOf(client, { maxBytes: 1_000_000, chunkBytes: 1_000_000 });
      expect(error).toMatchObject({
        reason: "SUMMARY_MISSING",
        message: expect.stringMatching(/originalServer/),
      });
      await client.close();
    });
  });

  describe("whose stenoread fails", () => {
    beforeAll(() => startServer("failing", ["--command=/bin/false {output}"]));
    afterAll(() => server.kill());

    it("fails, though the original calls it success", async () => {
      const client = connect(true);
      const error = await failureOf(client, {});
      expect(error).toMatchObject({ reason: "MALFORMED_ANSWER" });
      await client.close();
    });
  });

  describe("whose file was cut off", () => {
    beforeAll(() => {
      const cut = join(workplace.folder, "cut.pcap");
      copyFileSync(pcap, cut);
      const bytes = readFileSync(cut);
      writeFileSync(cut, bytes.subarray(0, bytes.length - 7));
      return startServer("cut", [`--file=${cut}`]);
    });
    afterAll(() => server.kill());

    it("fails on the packet that is not whole", async () => {
      const client = connect(true);
      const error = await failureOf(client, {});
      expect(error).toMatchObject({ reason: "MALFORMED_ANSWER" });
      await client.close();
    });
  });
});

describe("@grpc/grpc-js with the .proto loaded at run time, at our server", () => {
  interface PlainResponse {
    readonly uid: string;
    readonly pcap: Buffer;
    readonly status: string;
    readonly summary: { readonly packets: string; readonly sha256: Buffer; readonly source: string } | null;
  }

  it("gets the packets, the status and the summary", async () => {
    const sensor = await startSensor(workplace, {
      kind: "directory",
      path: join(workplace.folder, "captures"),
    });
    const definition = loadSync("stenographer.proto", {
      includeDirs: [join(root, "proto")],
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
    });
    const service = (grpc.loadPackageDefinition(definition).stenographer as grpc.GrpcObject) // as the .proto has it
      .Stenographer as grpc.ServiceClientConstructor; // see above
    const { ca, cert, key } = workplace.client;
    const credentials = grpc.credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(cert));
    const client = new service(sensor.address, credentials);
    const call = client.FetchPcap?.({
      request: { uid: "grpc-js" },
      epoch_start: start,
      epoch_end: start + 3600,
      bpf: "udp and port 53",
    });
    const responses: PlainResponse[] = [];
    for await (const response of call) responses.push(response);
    client.close();

    const wanted = tcpdumpSelect(pcap, "udp and port 53");
    const bytes = Buffer.concat(responses.map((response) => response.pcap));
    expect(readPcap(bytes).map(packetLine)).toEqual(wanted.map(packetLine));
    expect(new Set(responses.map(({ uid }) => uid))).toEqual(new Set(["grpc-js"]));
    const last = responses.at(-1);
    expect(last).toMatchObject({
      status: "STATUS_OK",
      summary: { packets: String(wanted.length), source: "directory" },
    });
    expect(
      responses
        .slice(0, -1)
        .every(({ status, summary }) => status === "STATUS_UNSPECIFIED" && summary === null),
    ).toBe(true);
    await sensor.stop();
  });
});
