import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { directorySource } from "@stenogrpc/server";
import { startTestSensor } from "@stenogrpc/server/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

/** What the READMEs show must be true: every TypeScript block passes the compiler, and the first one runs. */
const root = join(import.meta.dirname, "..");
const run = promisify(execFile);
const readmes = [
  "README.md",
  "gen/README.md",
  ...["options", "pcap", "query", "certs", "client", "server"].map((name) => `packages/${name}/README.md`),
];

/** Names that a block takes from its surroundings. */
const surroundings = `
import type { Transport } from "@connectrpc/connect";
import type { PacketSource, SensorRoutes } from "@stenogrpc/server";
import type { FastifyInstance } from "fastify";
import type { NodeServerRequest, NodeServerResponse } from "@connectrpc/connect-node";
import type { TimeWindow } from "@stenogrpc/pcap";
import type { NodeStenographerClient } from "@stenogrpc/client/node";
declare global {
  const app: FastifyInstance;
  const ca: string, cert: string, key: string;
  const chunks: AsyncIterable<Uint8Array>;
  const client: NodeStenographerClient;
  const routes: SensorRoutes;
  const source: PacketSource;
  const transport: Transport;
  function readArchive(window: TimeWindow, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  function readFileSync(path: string): Buffer;
  function createStenographerClient(options: object): NodeStenographerClient;
  function runPlaybook(client: NodeStenographerClient): Promise<void>;
  function yourHandler(request: NodeServerRequest, response: NodeServerResponse): void;
}
`;

let folder: string;

beforeAll(async () => {
  // Inside the repository, where the packages resolve.
  folder = await mkdtemp(join(root, "examples", ".readme-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function blocksOf(readme: string): Promise<string[]> {
  const text = await readFile(join(root, readme), "utf8");
  return [...text.matchAll(/^```(?:ts|typescript)\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "");
}

it("every TypeScript block of every README passes the compiler", async () => {
  await writeFile(join(folder, "surroundings.d.ts"), surroundings);
  let count = 0;
  for (const readme of readmes) {
    for (const block of await blocksOf(readme)) {
      const name = `${readme.replaceAll("/", "-")}-${++count}.ts`;
      await writeFile(join(folder, name), `${block}\nexport {};\n`);
    }
  }
  expect(count).toBeGreaterThan(8);
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.base.json",
      compilerOptions: {
        noEmit: true,
        composite: false,
        declaration: false,
        declarationMap: false,
        types: ["node"],
        customConditions: ["@stenogrpc/source"],
      },
      include: ["*.ts"],
    }),
  );
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { stdout } = await run(process.execPath, [tsc, "-p", folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe("");
});

it("the first block of README.md fetches and saves packets", async () => {
  const [block = ""] = await blocksOf("README.md");
  await using sensor = await startTestSensor({
    source: directorySource({ path: join(root, "examples", "captures") }),
  });
  const { server, tls } = sensor.clientOptions;
  await mkdir(join(folder, "certs"));
  await writeFile(join(folder, "certs", "ca.crt"), tls.ca);
  await writeFile(join(folder, "certs", "analyst.crt"), tls.cert);
  await writeFile(join(folder, "certs", "analyst.key"), tls.key);
  expect(block).toContain("sensor-1.example.net:8443");
  await writeFile(join(folder, "first.ts"), block.replace("sensor-1.example.net:8443", server));
  const { stdout } = await run(
    process.execPath,
    ["--conditions=@stenogrpc/source", "--import", "tsx", "first.ts"],
    { cwd: folder },
  );
  expect(stdout).toMatch(/^complete \d+ [0-9a-f]{64} \[\]\n$/);
  const saved = await readFile(join(folder, "alert-4711.pcap"));
  expect(saved.readUInt32LE(0)).toBe(0xa1b23c4d); // nanoseconds, since half of the captures have them
});
