import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "SECURITY.md"), "utf8");
const threats = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| who |"));

describe("the threat model", () => {
  it("is there", () => {
    expect(threats.length).toBeGreaterThan(10);
  });

  it.each(threats)("names a test that exists, or a page: %s", (threat) => {
    const shownBy = threat.split(" | ").at(-1) ?? "";
    const files = [...shownBy.matchAll(/`([^`]+)`|\]\(([^)]+)\)/g)].map(
      ([, test, linked]) => test ?? linked ?? "",
    );
    expect(files).not.toEqual([]);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});
