import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
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
    expect(stderr).toBe(`stenogrpc: ${at("none")}: cannot read it: no such file\n`);
    expect(await runHere("verify", at("nowhere"))).toMatchObject({
      code: 2,
      stderr: `stenogrpc: ${at("nowhere")}: cannot read it: no such file\n`,
    });
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

  describe("of several files", () => {
    const place = "evidence";

    beforeAll(async () => {
      mkdirSync(at(`${place}/later`), { recursive: true });
      const fetch = (file: string, ...more: string[]) =>
        runHere("fetch", ...asked, ...window, "-o", at(`${place}/${file}`), ...more);
      await fetch("a.pcap", "--manifest", "--max-packets", "3");
      await fetch("later/b.bin", "--manifest");
      await fetch("c.pcap");
      writeFileSync(at(`${place}/results.csv`), "row\n");
    });

    it("has a line each, of folders in folders too, and counts them", async () => {
      const { code, stdout } = await runHere("verify", at(place), at(`${place}/a.pcap`));
      expect(
        stdout.replaceAll(`${folder}/`, ""),
      ).toBe(`evidence/a.pcap: good: 3 packets, 198 B (truncated; 2 warnings)
evidence/c.pcap: good without a manifest: 20 packets, 1.2 KiB
evidence/later/b.bin: good: 20 packets, 1.2 KiB (1 warning)
3 files: 2 good, 1 good without a manifest
`);
      expect(code).toBe(0);
      const { stdout: json } = await runHere("verify", at(place), "--json");
      const lines = json.trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        {
          file: at(`${place}/a.pcap`),
          good: true,
          packets: 3,
          manifest: { result: { verdict: "truncated" } },
        },
        { file: at(`${place}/c.pcap`), good: true, manifest: null },
        { file: at(`${place}/later/b.bin`), good: true },
      ]);
    });

    it("tells the worst by its exit code", async () => {
      const [good, none] = [at(`${place}/a.pcap`), at(`${place}/none.pcap`)];
      const missing = await runHere("verify", good, none);
      expect(missing.stdout).toContain("none.pcap: not read: no such file\n2 files: 1 good, 1 not read\n");
      expect(missing.code).toBe(2);
      const changed = await runHere("verify", good, none, at("pki/ca.crt"));
      expect(changed.stdout).toMatch(/ca\.crt: not good: .*\n3 files: 1 good, 1 not read, 1 not good\n$/);
      expect(changed.code).toBe(1);
    });

    it("finds a manifest whose capture is gone", async () => {
      const gone = at("gone");
      mkdirSync(gone);
      await runHere("fetch", ...asked, ...window, "-o", join(gone, "d.pcap"), "--manifest");
      rmSync(join(gone, "d.pcap"));
      expect(await runHere("verify", gone)).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/d\.pcap\.manifest\.json: manifest without a capture: .*\n1 file: /),
      });
      rmSync(join(gone, "d.pcap.manifest.json"));
      expect(await runHere("verify", gone)).toMatchObject({
        code: 2,
        stdout: expect.stringContaining("gone: not read: there is no capture in this folder\n"),
      });
    });

    it("takes a manifest that is named, as by a shell's *, for its capture, and results.csv for none", async () => {
      const names = ["a.pcap", "a.pcap.manifest.json", "c.pcap", "results.csv"].map((name) =>
        at(`${place}/${name}`),
      );
      const { code, stdout } = await runHere("verify", ...names);
      expect(stdout).toMatch(/\n2 files: 1 good, 1 good without a manifest\n$/);
      expect(code).toBe(0);
    });

    it("takes --manifest of one alone", async () => {
      const { code, stderr } = await runHere("verify", at(place), "--manifest", at("none"));
      expect(code).toBe(2);
      expect(stderr).toContain("--manifest is of one capture");
    });
  });

  it("has no manifest beside stdout", async () => {
    const { code, stderr } = await runHere("fetch", ...asked, ...window, "--manifest", "-o", "-");
    expect(code).toBe(2);
    expect(stderr).toContain("--manifest goes beside a file");
  });
});
