import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const built = new Map<string, string>();

/**
 * A script of ours as JavaScript, without the packages that it imports, so that Node can run it by itself: a loader for TypeScript takes
 * half a second of each process, and memory. It lies beside its source, whose files it finds there, until this process ends.
 */
export function builtScript(script: URL): string {
  const source = fileURLToPath(script);
  const known = built.get(source);
  if (known !== undefined) return known;
  const outfile = join(dirname(source), `.${basename(source, ".ts")}-${process.pid}.js`);
  process.once("exit", () => rmSync(outfile, { force: true }));
  buildSync({
    entryPoints: [source],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "error",
  });
  built.set(source, outfile);
  return outfile;
}
