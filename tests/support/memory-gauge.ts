import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
      const inUse = new Map<string, number>();
      for (const name of readdirSync(folder)) {
        const [, kind] = new RegExp(`^in-use\\.${pid}\\.(heap|malloc)(\\.\\d+)?$`).exec(name) ?? [];
        if (kind === undefined) continue;
        inUse.set(kind, (inUse.get(kind) ?? 0) + Number(readFileSync(join(folder, name), "utf8")));
      }
      const [heap, malloc] = [inUse.get("heap"), inUse.get("malloc")];
      return heap === undefined || malloc === undefined ? undefined : heap + malloc;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
