import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of this package as it is built. */
    builtPackage: string;
  }
}

/** A file of this package as build-package.ts has built it: index.js or reader-worker.js. */
export function builtFile(name: "index.js" | "reader-worker.js"): URL {
  return pathToFileURL(join(inject("builtPackage"), name));
}
