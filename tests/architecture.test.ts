import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** Who may import whom, by ARCHITECTURE.md's table of rooms: its first and its last column. */
const mayImport: Record<string, readonly string[]> = Object.fromEntries(
  readFileSync(join(root, "ARCHITECTURE.md"), "utf8")
    .split("\n")
    .flatMap((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      const folder = /^`(gen|packages\/[a-z-]+)\/?`$/.exec(cells[1] ?? "")?.[1];
      const names = cells[5]?.split(", ").filter((name) => name !== "") ?? [];
      return folder === undefined ? [] : [[folder, names.map((name) => `@stenogrpc/${name}`)]];
    }),
);

/** Packages that run anywhere, browsers included. */
const runsAnywhere = ["gen", "packages/options", "packages/pcap", "packages/query"];

/** Packages without any runtime dependency. */
const dependencyFree = ["packages/pcap", "packages/query"];

interface Import {
  readonly file: string;
  readonly specifier: string;
}

describe("architecture", () => {
  for (const [folder, allowed] of Object.entries(mayImport)) {
    it(`${folder} imports only what it may know`, () => {
      const ours = importsOf(folder).filter(({ specifier }) => /^(@stenogrpc\/|stenogrpc$)/.test(specifier));
      const forbidden = ours.filter(({ specifier }) => !allowed.includes(packageOf(specifier)));
      expect(forbidden).toEqual([]);
    });

    it(`${folder} never reaches into another package by a path`, () => {
      const leaving = importsOf(folder).filter(({ file, specifier }) => {
        return (
          specifier.startsWith(".") &&
          relative(join(root, folder), join(file, "..", specifier)).startsWith("..")
        );
      });
      expect(leaving).toEqual([]);
    });

    it(`${folder} declares what it imports`, () => {
      const manifest = readManifest(folder);
      const used = new Set(
        importsOf(folder)
          .filter(({ specifier }) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
          .map(({ specifier }) => packageOf(specifier)),
      );
      used.delete(manifest.name);
      expect(Object.keys(manifest.dependencies ?? {})).toEqual(expect.arrayContaining([...used]));
      expect([...used]).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies ?? {})));
    });
  }

  it.each(runsAnywhere)("%s uses nothing of Node", (folder) => {
    expect(importsOf(folder).filter(({ specifier }) => specifier.startsWith("node:"))).toEqual([]);
  });

  it.each(dependencyFree)("%s has no runtime dependency", (folder) => {
    expect(readManifest(folder).dependencies ?? {}).toEqual({});
  });

  it.each(Object.keys(mayImport))("%s imports zod so that bundlers leave its languages out", (folder) => {
    const files = importsOf(folder).filter(({ specifier }) => specifier === "zod");
    const named = files.filter(({ file }) => /import \{ z \} from "zod"/.test(readFileSync(file, "utf8")));
    expect(named.map(({ file }) => relative(root, file))).toEqual([]);
  });

  it("lists every package", () => {
    const folders = readdirSync(join(root, "packages")).map((name) => `packages/${name}`);
    expect(Object.keys(mayImport).sort()).toEqual([...folders, "gen"].sort());
  });

  it("has one version for all packages", () => {
    const versions = new Set(Object.keys(mayImport).map((folder) => readManifest(folder).version));
    expect(versions.size).toBe(1);
  });
});

function importsOf(folder: string): Import[] {
  const source = join(root, folder, "src");
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) => {
      const file = join(source, name);
      const statements =
        /(?:^|\n)\s*(?:import|export)[^;]*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)|\nimport\s+"([^"]+)"/g;
      return [...readFileSync(file, "utf8").matchAll(statements)].map((match) => ({
        file,
        specifier: match[1] ?? match[2] ?? match[3] ?? "",
      }));
    });
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function readManifest(folder: string): {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
} {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")); // our own manifests
}
