import { readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createStenographerClient } from "@stenogrpc/client/node";
import { describe, expect, it } from "vitest";
import { type ClientPem, writeDevelopmentPki } from "../test-support/development-pki.js";
import { type Example, startExample } from "../test-support/example.js";
import { processMark } from "../test-support/processes.js";
import { readPcap } from "../test-support/read-pcap.js";
import { temporaryFolder } from "../test-support/temporary-folder.js";

const captures = join(import.meta.dirname, "../captures");
const window = { from: "2026-11-24T05:40:25Z", to: "2026-11-24T05:40:30Z" };

/** The prototype's YAML, with a port of its own for the test. */
const prototypeYaml = `root_certificate: pki/ca.crt
private_key: pki/server.key
certificate_chain: pki/server.crt
port: 0
workers: 2
sleep: 3600
`;

async function startToyServer(folder: string, yaml: string, env: NodeJS.ProcessEnv) {
  const pem = await writeDevelopmentPki(join(folder, "pki"));
  await writeFile(join(folder, "server.yaml"), yaml);
  const toyServer = startExample("toy-server", ["-c", join(folder, "server.yaml")], { env });
  const [, port] = await toyServer.prints(/Fetch from port (\d+)/);
  return { toyServer, client: connectTo(Number(port), pem) };
}

function connectTo(port: number, tls: ClientPem) {
  return createStenographerClient({ server: `localhost:${port}`, tls });
}

async function endsWell(toyServer: Example): Promise<void> {
  expect(await toyServer.stop("SIGINT")).toBe(0);
  expect(toyServer.stderr).toBe("");
}

describe("the toy server", () => {
  it("serves what stenoread gives it, by the prototype's YAML", async () => {
    await using folder = await temporaryFolder();
    const mark = processMark();
    // Stands for Stenographer's script: notes what it is asked, and writes a capture.
    const stenoread = join(folder.path, "stenoread");
    const capture = join(captures, "thread0-20261124T054025.pcap");
    await writeFile(
      stenoread,
      `#!/bin/sh\nprintf '%s\\n' "$@" > '${folder.path}/asked'\nexec cat '${capture}'\n`,
      { mode: 0o755 },
    );
    const env = { ...mark.env, PATH: `${folder.path}${delimiter}${process.env.PATH}` };
    const started = await startToyServer(folder.path, prototypeYaml, env);
    await using toyServer = started.toyServer;
    await using client = started.client;

    const path = join(folder.path, "tls.pcap");
    const saved = await client.fetchPcap({ ...window, filter: "port 443" }).toFile(path);
    // 44 by `tcpdump -r thread0-20261124T054025.pcap --count tcp port 443`.
    expect(saved).toMatchObject({ verdict: "complete", packets: 44, source: "stenoread" });
    expect(readPcap(await readFile(path))).toHaveLength(44);
    const [query, ...rest] = (await readFile(join(folder.path, "asked"), "utf8")).trimEnd().split("\n");
    expect(query).toContain("port 443");
    expect(rest).toEqual(["-w", "-"]);

    await endsWell(toyServer);
    await mark.untilAllGone();
  });

  it("never takes a stenoread that fails for one without packets, as the prototype did", async () => {
    await using folder = await temporaryFolder();
    const mark = processMark();
    await writeFile(join(folder.path, "stenoread"), "#!/bin/sh\necho 'no such host' >&2\nexit 1\n", {
      mode: 0o755,
    });
    const env = { ...mark.env, PATH: `${folder.path}${delimiter}${process.env.PATH}` };
    const started = await startToyServer(folder.path, prototypeYaml, env);
    await using toyServer = started.toyServer;
    await using client = started.client;

    const fetching = client.fetchPcap(window).toFile(join(folder.path, "none.pcap"));
    await expect(fetching).rejects.toMatchObject({ name: "StenographerError", reason: "SOURCE_FAILED" });
    await expect(readFile(join(folder.path, "none.pcap"))).rejects.toMatchObject({ code: "ENOENT" });

    await endsWell(toyServer);
    await mark.untilAllGone();
  });

  it("says how to use it", async () => {
    await using toyServer = startExample("toy-server");
    expect(await toyServer.exited).toBe(2);
    expect(toyServer.stderr).toBe("usage: toy-server -c server.yaml\n");
  });
});
