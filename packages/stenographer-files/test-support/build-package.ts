import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";
import type {} from "./built-package.js";

/** Builds this package, since Node can't run a thread from its sources; removes that at the end. */
export default async function buildPackage(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "reader-thread-"));
  const sources = ["index.ts", "reader-worker.ts"].map((name) => new URL(`../src/${name}`, import.meta.url));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  await build({
    entryPoints: sources.map((source) => fileURLToPath(source)),
    outdir: folder,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@stenogrpc/source"],
    logLevel: "error",
  });
  project.provide("builtPackage", folder);
  return () => rmSync(folder, { recursive: true });
}
