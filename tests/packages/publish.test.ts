import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/**
 * What users install: every public package is built, packed, installed from its tarball into an empty project, and used
 * there from TypeScript and from plain JavaScript.
 */
const root = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);
const folders = [
  "gen",
  ...["options", "pcap", "query", "certs", "stenographer-files", "client", "server", "cli"].map(
    (name) => `packages/${name}`,
  ),
];

let work: string;
let project: string;
const tarballs = new Map<string, string>();

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "stenogrpc-pack-"));
  project = join(work, "project");
  for (const folder of folders) {
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", work], {
      cwd: join(root, folder),
    });
    const [packed] = packedOf(stdout);
    tarballs.set(folder, join(work, packed!.filename)); // npm pack of one package lists one
  }
  await run("mkdir", ["-p", project]);
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "empty", private: true }));
  await run(
    "npm",
    ["install", "--no-audit", "--no-fund", ...tarballs.values(), "typescript@5.9", "@types/node@20"],
    { cwd: project },
  );
});

afterAll(() => rm(work, { recursive: true, force: true }));

/** npm 11 prints a list; newer ones an object by package name. */
function packedOf(json: string): { filename: string; files: { path: string }[] }[] {
  return Object.values(JSON.parse(json));
}

describe.each(folders)("%s", (folder) => {
  it("passes publint", async () => {
    const { stdout } = await run("npx", ["publint", "--strict", tarballs.get(folder)!], { cwd: root }); // packed above
    expect(stdout).toContain("All good");
  });

  it("passes attw", async () => {
    // Exits with an error where it finds a problem for those who import; those who require are tried below.
    const { stdout } = await run("npx", ["attw", tarballs.get(folder)!, "--profile", "esm-only"], {
      cwd: root,
    }); // packed above
    expect(stdout).toMatch(
      /node16 \(from ESM\)[^\n]*🟢 \((ESM|JSON)\)|node16 \(from ESM\): 🟢 \((ESM|JSON)\)/,
    );
  });

  it("ships code and types, and no test", async () => {
    const name = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8")).name as string; // our manifest
    const shipped = await readdir(join(project, "node_modules", name), { recursive: true });
    expect(shipped).toEqual(expect.arrayContaining(["README.md", "LICENSE"]));
    expect(shipped.filter((path) => path.startsWith("dist/") && path.endsWith(".js"))).not.toEqual([]);
    expect(shipped.filter((path) => path.startsWith("dist/") && path.endsWith(".d.ts"))).not.toEqual([]);
    expect(shipped.filter((path) => path.includes(".test."))).toEqual([]);
    expect(shipped.filter((path) => path.endsWith(".tsbuildinfo"))).toEqual([]);
  });
});

const roundTrip = `
const capture = new PcapWriter({ byteOrder: "little", resolution: "microseconds", snaplen: 65535, linkType: 1 });
const bytes = Buffer.concat([
  capture.header(),
  capture.record({ timestampNs: 1_700_000_000_000_000_000n, data: new Uint8Array(60) }),
]);
async function main() {
  const sensor = await startTestSensor({ capture: bytes });
  const client = createStenographerClient(sensor.clientOptions);
  const saved = await client
    .fetchPcap({ from: "2023-11-14T22:13:00Z", to: "2023-11-14T22:14:00Z" })
    .toFile("out.pcap");
  console.log(saved.verdict, saved.packets);
  client.close();
  await sensor.close();
}
main();
`;

describe("an empty project with the tarballs installed", () => {
  it("fetches from TypeScript", async () => {
    await writeFile(
      join(project, "use.mts"),
      `import { createStenographerClient } from "@stenogrpc/client/node";
import { PcapWriter } from "@stenogrpc/pcap";
import { startTestSensor } from "@stenogrpc/server/testing";
${roundTrip}`,
    );
    await run(
      "npx",
      [
        "tsc",
        "--strict",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--lib",
        "es2023,dom,esnext.disposable",
        "use.mts",
      ],
      { cwd: project },
    );
    const { stdout } = await run("node", ["use.mjs"], { cwd: project });
    expect(stdout).toBe("complete 1\n");
  });

  it("fetches from plain JavaScript by import", async () => {
    await writeFile(
      join(project, "use-import.mjs"),
      `import { createStenographerClient } from "@stenogrpc/client/node";
import { PcapWriter } from "@stenogrpc/pcap";
import { startTestSensor } from "@stenogrpc/server/testing";
${roundTrip}`,
    );
    const { stdout } = await run("node", ["use-import.mjs"], { cwd: project });
    expect(stdout).toBe("complete 1\n");
  });

  it("fetches from plain JavaScript by require", async () => {
    await writeFile(
      join(project, "use-require.cjs"),
      `const { createStenographerClient } = require("@stenogrpc/client/node");
const { PcapWriter } = require("@stenogrpc/pcap");
const { startTestSensor } = require("@stenogrpc/server/testing");
${roundTrip}`,
    );
    const { stdout } = await run("node", ["use-require.cjs"], { cwd: project });
    expect(stdout).toBe("complete 1\n");
  });

  it("has the command", async () => {
    const { stdout } = await run("npx", ["stenogrpc", "check", "tcp and port 443"], { cwd: project });
    expect(stdout).toContain("tcp");
  });
});
