import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const reasonName = /[A-Z][A-Z_]+/;

/** Those of a server: what it refuses itself, and the file in which every failure becomes what the client is told. */
const ofServer = ["request-error.ts", "to-connect-error.ts"].flatMap((name) =>
  found(readFileSync(join(root, "packages/server/src", name), "utf8"), /"(NAME)"/g),
);

/** Those that the client finds itself: values of `reason`, and members of the types of such values. */
const ofClient = sourcesOf("packages/client").flatMap((source) =>
  found(source, /(?:\breason: |^\s*\| )"(NAME)"/gm),
);

function sourcesOf(folder: string): string[] {
  const source = join(root, folder, "src");
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(source, name), "utf8"));
}

/** What stands at NAME, wherever the pattern matches. */
function found(text: string, { source, flags }: RegExp): string[] {
  const pattern = new RegExp(source.replace("NAME", reasonName.source), flags);
  return [...text.matchAll(pattern)].map(([, name = ""]) => name);
}

/** The first column of the table under "Errors". */
function documented(readme: string): string[] {
  const [, errors = ""] = readFileSync(join(root, readme), "utf8").split(/^## Errors$/m);
  const rows = errors.split(/^## /m)[0]?.match(/^\| `[^|]*/gm) ?? [];
  return rows.flatMap((row) => found(row, /`(NAME)`/g));
}

describe("the reasons of failures", () => {
  it("are found in the sources", () => {
    expect(ofServer).toEqual(
      expect.arrayContaining(["READER_IDLE", "SOURCE_CHANGED", "FILTER_SYNTAX", "INTERNAL"]),
    );
    expect(ofClient).toEqual(expect.arrayContaining(["CONNECTION_LOST", "DIGEST_MISMATCH", "CANCELED"]));
  });

  it("are all in the client's README, once, and no others", () => {
    const all = [...new Set([...ofServer, ...ofClient])].sort();
    expect(documented("packages/client/README.md").sort()).toEqual(all);
  });
});
