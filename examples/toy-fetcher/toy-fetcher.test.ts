import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeDevelopmentPki } from "../test-support/development-pki.js";
import { startExample } from "../test-support/example.js";
import { processMark } from "../test-support/processes.js";
import { readPcap } from "../test-support/read-pcap.js";
import { temporaryFolder } from "../test-support/temporary-folder.js";

const captures = join(import.meta.dirname, "../captures");

const keys = (name: string) =>
  `root_certificate: pki/ca.crt\nprivate_key: pki/${name}.key\ncertificate_chain: pki/${name}.crt\n`;

describe("the toy fetcher", () => {
  it("saves each row of the shipped CSV from the toy server, and says of a row that it failed", async () => {
    await using folder = await temporaryFolder();
    const mark = processMark();
    const inFolder = (name: string) => join(folder.path, name);
    await writeDevelopmentPki(inFolder("pki"));
    await writeFile(inFolder("server.yaml"), `${keys("server")}port: 0\ncaptures: ${captures}\n`);
    await writeFile(inFolder("config.yaml"), keys("analyst"));
    const shipped = await readFile(join(import.meta.dirname, "requests.csv"), "utf8");
    await writeFile(inFolder("requests.csv"), `${shipped}1795498825,1795498855,port banana\n`);

    await using toyServer = startExample("toy-server", ["-c", inFolder("server.yaml")], { env: mark.env });
    const [, port] = await toyServer.prints(/Fetch from port (\d+)/);
    await using toyFetcher = startExample(
      "toy-fetcher",
      ["-c", "config.yaml", "-r", "requests.csv", "-s", `localhost:${port}`],
      { cwd: folder.path, env: mark.env },
    );
    expect(await toyFetcher.exited).toBe(1);

    const lines = toyFetcher.stdout.trimEnd().split("\n");
    const rows = lines.map((line) => /^(\S+\.pcap): (\S+), (\d+) packets: (.*)$/.exec(line)?.slice(1));
    // Counted by tcpdump in all the captures merged, see their README; the second row has a window of its own.
    expect(rows.map((row) => row?.slice(1))).toEqual([
      ["complete", "26", "port 53"],
      ["complete", "44", "host 192.0.2.80 and port 443"],
      ["complete", "6", "vlan 20 and icmp"],
      ["no-packets", "0", "host 192.0.2.99"],
    ]);
    for (const row of rows) {
      const [file = "", , packets] = row ?? [];
      expect(readPcap(await readFile(inFolder(file)))).toHaveLength(Number(packets));
    }
    expect(toyFetcher.stderr).toMatch(/^\S+: failed, FILTER_SYNTAX: /);
    const files = (await readdir(folder.path)).filter((name) => /pcap|partial/.test(name));
    expect(files.sort()).toEqual(rows.map((row) => row?.[0]).sort());

    expect(await toyServer.stop("SIGTERM")).toBe(0);
    await mark.untilAllGone();
  });

  it("says how to use it", async () => {
    await using toyFetcher = startExample("toy-fetcher");
    expect(await toyFetcher.exited).toBe(2);
    expect(toyFetcher.stderr).toBe("usage: toy-fetcher -c config.yaml -r requests.csv -s HOST:PORT\n");
  });
});
