import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Tells how much memory servers have in use: what is live in V8's heap after a collection, and what malloc has given out. What is
 * resident says less: it has in it what V8 and malloc keep for later, tens of MiB more or less that come and go.
 */
export interface MemoryGauge {
  /** Environment of the servers that are to be measured. */
  readonly env: Record<string, string>;
  /** Bytes in use as of the last seconds; undefined in the first ones of a process. */
  inUse(pid: number): number | undefined;
  /** Removes its files. */
  remove(): void;
}

/** Compiles what is preloaded. Needs `cc` and glibc. */
export function createMemoryGauge(): MemoryGauge {
  const folder = mkdtempSync(join(tmpdir(), "memory-gauge-"));
  const [library, base] = [join(folder, "malloc-in-use.so"), join(folder, "in-use")];
  const source = join(import.meta.dirname, "malloc-in-use.c");
  execFileSync("cc", ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread", "-o", library, source]);
  return {
    env: {
      MEMORY_IN_USE: base,
      LD_PRELOAD: library,
      NODE_OPTIONS: `--import ${join(import.meta.dirname, "heap-in-use.mjs")}`,
    },
    inUse(pid) {
      try {
        const [heap, malloc] = ["heap", "malloc"].map((kind) =>
          Number(readFileSync(`${base}.${pid}.${kind}`, "utf8")),
        ) as [number, number]; // two in, two out
        return heap + malloc;
      } catch {
        return undefined;
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
