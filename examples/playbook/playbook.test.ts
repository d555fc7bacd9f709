import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeDevelopmentPki } from "../test-support/development-pki.js";
import { type Example, startExample } from "../test-support/example.js";
import { processMark } from "../test-support/processes.js";
import { readPcap } from "../test-support/read-pcap.js";
import { temporaryFolder } from "../test-support/temporary-folder.js";

const captures = join(import.meta.dirname, "../captures");
const shippedAlert = JSON.parse(await readFile(join(import.meta.dirname, "alert.json"), "utf8"));

// By `tcpdump -r all.pcap --count "host 192.0.2.10 and host 192.0.2.80 and tcp"`, see the captures' README.
const packetsOfBoth = 162;
// By `tshark -Y tcp -T fields -e ip.src -e tcp.len`, summed over the same packets.
const payloadBytes = { fromClient: 2430, fromServer: 59_927 };

describe("the playbook", () => {
  const mark = processMark();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let toyServer: Example;
  let port: string | undefined;

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeDevelopmentPki(join(folder.path, "pki"));
    const yaml = `root_certificate: pki/ca.crt
private_key: pki/server.key
certificate_chain: pki/server.crt
port: 0
captures: ${captures}
`;
    await writeFile(join(folder.path, "server.yaml"), yaml);
    toyServer = startExample("toy-server", ["-c", join(folder.path, "server.yaml")], { env: mark.env });
    [, port] = await toyServer.prints(/Fetch from port (\d+)/);
  });

  afterAll(async () => {
    await toyServer[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function play(alert: object, { server = `localhost:${port}`, more = [] as string[] } = {}) {
    await writeFile(join(folder.path, "alert.json"), JSON.stringify({ ...shippedAlert, ...alert }));
    const args = ["--alert", "alert.json", "--pki", "pki", "--server", server, ...more];
    await using playbook = startExample("playbook", args, { cwd: folder.path, env: mark.env });
    const code = await playbook.exited;
    return { code, stdout: playbook.stdout, stderr: playbook.stderr };
  }

  it("confirms the shipped alert, and saves the evidence", async () => {
    const { code, stdout } = await play({});
    expect(stdout).toContain(`complete, ${packetsOfBoth} packets\n`);
    const { fromClient, fromServer } = payloadBytes;
    expect(stdout).toContain(`payload: ${fromClient} bytes from the client, ${fromServer} from the server\n`);
    expect(stdout).toContain("www.example.test: asked for at 2026-11-24T05:40:27.206Z\n");
    expect(stdout).toContain("alert 4711: confirmed\n");
    expect(code).toBe(0);
    expect(readPcap(await readFile(join(folder.path, "evidence/4711.pcap")))).toHaveLength(packetsOfBoth);
  });

  /** The sensor has all of the ten seconds around it. */
  const covered = { time: "2026-11-24T05:40:40Z" };
  const tenSeconds = { more: ["--seconds", "5"] };

  it("says that a name was not seen when it has looked at every packet", async () => {
    const { code, stdout } = await play({ id: "1", name: "other.example.test", ...covered }, tenSeconds);
    expect(stdout).toMatch(/complete, .*\nalert 1: not seen\n$/s);
    expect(code).toBe(5);
  });

  it("does not say so where the sensor has only a part of the window", async () => {
    const { code, stdout } = await play({ id: "1", name: "other.example.test" });
    expect(stdout).toMatch(/complete, .*\nwarning: the sensor has nothing before 2026-11-24T05:40:25/s);
    expect(stdout).toContain("alert 1: inconclusive\n");
    expect(code).toBe(4);
  });

  it("does not say so when a limit kept packets from it", async () => {
    const { code, stdout } = await play({ id: "2" }, { more: ["--max-packets", "5"] });
    expect(stdout).toContain("truncated, 5 packets\n");
    expect(stdout).toContain("warning: the packet limit that was asked for cut the answer after 5 packets");
    expect(stdout).toContain("alert 2: inconclusive\n");
    expect(code).toBe(4);
  });

  it("tells no packets", async () => {
    const { code, stdout } = await play({ id: "3", client: "192.0.2.99", ...covered }, tenSeconds);
    expect(stdout).toMatch(/no-packets, 0 packets\nalert 3: no packets\n$/);
    expect(code).toBe(3);
  });

  it("tells a failure from no packets", async () => {
    // Port 1 (tcpmux): nothing listens there.
    const { code, stdout, stderr } = await play({ id: "4" }, { server: "127.0.0.1:1" });
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^alert 4: failed, nothing is known \(CONNECTION_FAILED\): .*\nThe same request may/,
    );
    expect(code).toBe(1);
  });

  it("saves nothing but evidence, and leaves no process", async () => {
    expect(await readdir(join(folder.path, "evidence"))).toEqual(["4711.pcap"]);
    expect(await toyServer.stop("SIGTERM")).toBe(0);
    await mark.untilAllGone();
  });
});
