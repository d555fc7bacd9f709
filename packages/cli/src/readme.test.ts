import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { labYaml, writeLabCapture } from "../test-support/lab.js";
import { endLeftovers, startCli } from "../test-support/run-cli.js";
import { runHere } from "../test-support/run-here.js";
import { clientSettings } from "./settings/client-settings.js";
import { loadYaml } from "./settings/load-yaml.js";
import { serverSettings } from "./settings/server-settings.js";

// Each block is served by a process, on processors that may be shared.
vi.setConfig({ testTimeout: 120_000 });

const root = join(import.meta.dirname, "..", "..", "..");
const readmes = [
  "README.md",
  ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
].filter((readme) => existsSync(join(root, readme))); // the testkit has none
const ownReadme = readFileSync(join(root, "packages/cli/README.md"), "utf8");

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stenogrpc-readme-"));
  writeLabCapture(folder);
  expect(await runHere("certs", join(folder, "pki"), "--host", "127.0.0.1")).toMatchObject({ code: 0 });
});

afterAll(async () => {
  const leftovers = await endLeftovers();
  rmSync(folder, { recursive: true });
  expect(leftovers).toBe(0);
});

/** The YAML blocks of all READMEs. */
const blocks = readmes.flatMap((readme) =>
  yamlBlocks(readme).map((yaml, i) => ({ title: `${readme}, block ${i + 1}`, yaml })),
);

function yamlBlocks(readme: string): string[] {
  const text = readFileSync(join(root, readme), "utf8");
  return [...text.matchAll(/^```ya?ml\n(.*?)^```/gms)].map((match) => match[1] ?? "");
}

/** Settings of a whole server: what a block says, below the test's folder, and the lab's keys where it says nothing. */
function wholeSettings(yaml: string): string {
  const below = yaml.replaceAll(/(?<=[\s"'[])\/[^\s"',}\]]+/g, (path) => {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    return join(folder, path);
  });
  const lab = labYaml.split("\n").filter((line) => {
    const [key = ""] = line.split(":");
    return key !== "" && !new RegExp(`^${key}:`, "m").test(yaml);
  });
  return `${lab.join("\n")}\n${below}`;
}

describe("the settings that READMEs show", () => {
  it("are those of README.md and of the command line's README, at least", () => {
    expect(blocks.map(({ title }) => title)).toEqual(
      expect.arrayContaining(["README.md, block 1", "packages/cli/README.md, block 1"]),
    );
  });

  it.each(blocks)("serve: $title", async ({ yaml }) => {
    writeFileSync(join(folder, "pki", "shown.yaml"), wholeSettings(yaml));
    const server = startCli(["serve", "-c", "pki/shown.yaml"], { cwd: folder });
    await server.shows(/^listening on 127\.0\.0\.1:\d+ /m);
    // It has taken all of it. A server that nobody is connected to ends without the half minute that connections get.
    server.child.kill("SIGTERM");
    await expect.poll(() => server.child.exitCode, { timeout: 20_000 }).toBe(0);
  });

  it("mean what the command line's README says of them", async () => {
    const file = join(folder, "pki", "roles.yaml");
    writeFileSync(file, wholeSettings(yamlBlocks("packages/cli/README.md")[0] ?? ""));
    const { settings } = await loadYaml(file, serverSettings);
    expect(settings.access?.[0]).toMatchObject({ uri: "spiffe://corp.example/ns/soc/sa/*", role: "analyst" });
    expect(settings.roles).toMatchObject({
      analyst: { maxBytesPerHour: 10e9, concurrency: 4 },
      helpdesk: { oldestAgeMs: 7 * 86_400_000, payloadBytes: 0, requireReason: true },
    });
  });
});

describe("the command line's README", () => {
  it.each([
    ["serve", serverSettings],
    ["the commands that ask", clientSettings],
  ])("names every key of the settings of %s", (_, schema) => {
    const keys = keysOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
    expect(keys.size).toBeGreaterThan(5);
    expect([...keys].filter((key) => !ownReadme.match(`\`(\\w+\\.)?${key}\``))).toEqual([]);
  });
});

/** The names of all properties, at any depth. */
function keysOf(schema: unknown): Set<string> {
  if (typeof schema !== "object" || schema === null) return new Set();
  const own = "properties" in schema ? Object.keys(schema.properties as object) : []; // as JSON Schema has it
  return new Set([...own, ...Object.values(schema).flatMap((inner) => [...keysOf(inner)])]);
}
