import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { goodAnswer } from "../test-support/answers.js";
import { packetsFromNoon } from "../test-support/capture.js";
import { createIdentities, startScriptedServer } from "../test-support/scripted-server.js";

it("the README's example does what it says", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  expect(code.trim().split("\n").length).toBeLessThan(15);
  const capture = packetsFromNoon(3);
  const identities = await createIdentities();
  const filters: string[] = [];
  await using server = await startScriptedServer(identities, (request) => {
    filters.push(request.bpf);
    return goodAnswer(request, capture);
  });
  const folder = await mkdtemp(join(tmpdir(), "stenogrpc-client-readme-"));
  try {
    await writeFile(join(folder, "ca.pem"), identities.authority.certificate);
    await writeFile(join(folder, "analyst.pem"), identities.client.certificate);
    await writeFile(join(folder, "analyst.key"), identities.client.privateKey);
    const here = code
      .replace("@stenogrpc/client/node", new URL("node/index.ts", import.meta.url).href)
      .replace("sensor-1.example:8443", `127.0.0.1:${server.port}`);
    await writeFile(join(folder, "example.mts"), here);
    const conditions = ["--conditions=@stenogrpc/source", "--import", import.meta.resolve("tsx")];
    const { stdout } = await promisify(execFile)(process.execPath, [...conditions, "example.mts"], {
      cwd: folder,
    });
    expect(stdout).toMatch(/^complete 3 [0-9a-f]{64} \[\]\n$/);
    expect(new Uint8Array(await readFile(join(folder, "alert-4711.pcap")))).toEqual(capture.bytes);
    expect(await readdir(folder)).toHaveLength(5);
    expect(filters).toEqual(["host 10.0.0.1 and port 443"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
