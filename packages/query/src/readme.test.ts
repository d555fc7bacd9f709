import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as query from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

describe("the README", () => {
  it("has an example that prints what it says", () => {
    const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    const runnable = code.replace(/import (\{[^}]*\}) from "@stenogrpc\/query";/, "const $1 = query;");
    expect(runnable).not.toContain("import");
    const printed: string[] = [];
    // Only the test evaluates text; the package never does.
    new Function("query", "console", runnable)(query, {
      log: (value: unknown) => printed.push(String(value)),
    });
    const comments = [...code.matchAll(/(?:^\s*|; )\/\/ ?(.*)$/gm)].map(([, comment = ""]) => comment);
    expect(printed).toHaveLength(4);
    expect(printed.join("\n").split("\n")).toEqual(
      comments.filter((comment) => !/[.:]$|^The |^What /.test(comment)),
    );
  });

  it("has a grammar whose every example is accepted", () => {
    for (const time of ["2015-01-01T13:14:15.5+01:00", "45m ago"]) {
      expect(readme).toContain(time);
      expect(query.printFilter(query.parseFilter(`after ${time}`))).toMatch(/^after /);
    }
  });
});
