import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const source = import.meta.dirname;

describe("the core of the client", () => {
  it("reaches no module of Node, also not through what it imports", () => {
    const { files, builtins, outside } = reachableFrom(join(source, "index.ts"));
    expect(builtins).toEqual([]);
    // The walk went somewhere: into our packages' sources, and up to the edge of others'.
    expect(files.size).toBeGreaterThan(30);
    expect([...files].some((file) => file.includes("packages/pcap/src"))).toBe(true);
    expect([...outside].sort()).toEqual([
      "@bufbuild/protobuf",
      "@bufbuild/protobuf/codegenv2",
      "@bufbuild/protobuf/wkt",
      "@connectrpc/connect",
      "zod",
    ]);
  });

  it("would notice one: the Node entry reaches several", () => {
    expect(reachableFrom(join(source, "node/index.ts")).builtins).toContain("node:fs");
  });
});

function reachableFrom(entry: string) {
  const files = new Set<string>();
  const builtins: string[] = [];
  const outside = new Set<string>();
  const pending = [entry];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const specifier of importsOf(file)) {
      if (isBuiltin(specifier)) builtins.push(specifier);
      else if (specifier.startsWith("."))
        pending.push(join(dirname(file), specifier.replace(/\.js$/, ".ts")));
      else if (specifier.startsWith("@stenogrpc/")) pending.push(sourceOf(specifier, file));
      else outside.add(specifier);
    }
  }
  return { files, builtins, outside };
}

/** What stays of a module's imports when its types are gone. */
function importsOf(file: string): string[] {
  const statements =
    /^(?:import|export)\s+(?!type\b)(?:[^;"']*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
  return [...readFileSync(file, "utf8").matchAll(statements)].map((match) => match[1] ?? match[2] ?? "");
}

/** A workspace package's source, by the export condition that tests use. */
function sourceOf(specifier: string, importer: string): string {
  const [scope, name, ...subpath] = specifier.split("/");
  const manifestPath = createRequire(importer).resolve(`${scope}/${name}/package.json`);
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8")); // our own manifests
  const conditions = manifest.exports[subpath.length === 0 ? "." : `./${subpath.join("/")}`];
  return fileURLToPath(new URL(conditions["@stenogrpc/source"], `file://${manifestPath}`));
}
