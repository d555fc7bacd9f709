import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStenographerServer, directorySource, type StenographerServer } from "@stenogrpc/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { window, writeLabCapture } from "../../test-support/lab.js";
import { runHere } from "../../test-support/run-here.js";

let folder: string;
let server: StenographerServer;
let asked: string[];
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-verify-"));
  writeLabCapture(folder);
  expect(await runHere("certs", at("pki"), "--host", "127.0.0.1")).toMatchObject({ code: 0 });
  const [ca, cert, key] = ["ca.crt", "server.crt", "server.key"].map((name) =>
    readFileSync(at(`pki/${name}`)),
  );
  if (!ca || !cert || !key) throw new Error("no certificates");
  server = await createStenographerServer({
    source: directorySource({ path: at("captures") }),
    sensor: "lab",
    tls: { ca, cert, key },
    host: "127.0.0.1",
    port: 0,
  });
  asked = ["-q", "-c", at("pki/client.yaml"), "-s", `127.0.0.1:${server.port}`];
});

afterAll(async () => {
  await server.close({ graceMs: 0 });
  rmSync(folder, { recursive: true });
});

describe("stenogrpc verify", () => {
  it("finds nothing wrong with what fetch --manifest saved, and says what it is", async () => {
    const file = at("good.pcap");
    const saved = await runHere(
      "fetch",
      ...asked,
      ...window,
      "--manifest",
      "--reason",
      "case 4711",
      "-o",
      file,
      "port 53",
    );
    expect(saved).toMatchObject({ code: 0 });
    const { code, stdout } = await runHere("verify", file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^good: 10 packets, /);
    for (const fact of [
      "  verdict  complete\n",
      "  reason   case 4711\n",
      "  filter   port 53 (tcpdump's language)\n",
      "  warning  not on disk yet after 2026-01-02T03:04:24.000000020Z (asked up to 2026-01-02T03:04:25Z); ask again",
      ", sensor lab, certificate ",
    ]) {
      expect(stdout).toContain(fact);
    }
    const { stdout: json } = await runHere("verify", file, "--json");
    expect(JSON.parse(json)).toMatchObject({
      good: true,
      packets: 10,
      shortcomings: [expect.stringMatching(/^not on disk yet after /)],
      manifest: { request: { reason: "case 4711" } },
    });
  });

  it("says what differs, by exit code 1 too", async () => {
    const file = at("cut.pcap");
    await runHere("fetch", ...asked, ...window, "--manifest", "-o", file);
    truncateSync(file, readFileSync(file).length - 1);
    const { code, stdout } = await runHere("verify", file);
    expect(code).toBe(1);
    expect(stdout).toContain(`${file}: packets is 19, the manifest says 20\n`);
    expect(stdout).toContain("not good: 5 problems; 19 packets, ");
  });

  it("checks the form alone of a capture without a manifest, unless one is named", async () => {
    const file = at("captures/a.pcap");
    expect(await runHere("verify", file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("no manifest"),
    });
    const { code, stderr } = await runHere("verify", file, "--manifest", at("none"));
    expect(code).toBe(2);
    expect(stderr).toContain("cannot read it: ENOENT");
    expect((await runHere("verify", at("pki/ca.crt"))).code).toBe(1);
  });

  it("checks each capture of a batch with its manifest", async () => {
    const requests = at("requests.csv");
    writeFileSync(
      requests,
      "epoch_start,epoch_end,bpf,reason\n1767323045,1767323064,port 53,case 1\n1767323045,1767323064,,\n",
    );
    const args = ["batch", ...asked, "-r", requests, "-o", at("case"), "--manifest", "--reason", "case 2"];
    expect(await runHere(...args)).toMatchObject({ code: 0 });
    const results = readFileSync(at("case/results.csv"), "utf8");
    const files = [...results.matchAll(/[^,]+\.pcap/g)].map(([name]) => at(`case/${name}`));
    const reasons: unknown[] = [];
    for (const file of files) {
      const { stdout } = await runHere("verify", file, "--json");
      reasons.push(JSON.parse(stdout).manifest.request.reason);
    }
    expect(reasons).toEqual(["case 1", "case 2"]);
    expect(await runHere(...args)).toMatchObject({ code: 2 });
  });

  it("has no manifest beside stdout", async () => {
    const { code, stderr } = await runHere("fetch", ...asked, ...window, "--manifest", "-o", "-");
    expect(code).toBe(2);
    expect(stderr).toContain("--manifest goes beside a file");
  });
});
