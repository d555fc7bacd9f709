import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

/** Links that whoever installs a package can follow: to what it ships, since the repository is not beside it. */
const root = join(import.meta.dirname, "..");
const folders = ["gen", ...readdirSync(join(root, "packages")).map((name) => join("packages", name))].filter(
  (folder) => manifestOf(folder).private !== true,
);

function manifestOf(folder: string): { private?: boolean; files?: string[] } {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")); // a manifest of ours
}

/** The pages that a package ships: its README, and what stands in its docs/. */
function pagesOf(folder: string): string[] {
  const docs = join(root, folder, "docs");
  const names = existsSync(docs) ? readdirSync(docs).filter((name) => name.endsWith(".md")) : [];
  return ["README.md", ...names.map((name) => join("docs", name))];
}

describe.each(folders)("%s", (folder) => {
  it.each(pagesOf(folder))("%s links to nothing that the package does not ship", (page) => {
    const text = readFileSync(join(root, folder, page), "utf8").replace(/^```[\s\S]*?^```/gm, "");
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, link = ""]) =>
      normalize(join(page, "..", link)),
    );
    const shipped = manifestOf(folder).files ?? [];
    const dead = links.filter(
      (link) =>
        link.startsWith("..") ||
        !existsSync(join(root, folder, link)) ||
        !["README.md", ...shipped].includes(link.split("/")[0] ?? ""),
    );
    expect(dead).toEqual([]);
  });
});
