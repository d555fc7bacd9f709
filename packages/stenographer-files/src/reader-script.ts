import { existsSync } from "node:fs";

/** Where the reader thread's script is. Undefined: not beside this module, as in a bundle, and in TypeScript. */
export function readerScript(): URL | undefined {
  if (!URL.canParse("./reader-thread.js", import.meta.url)) return undefined;
  const script = new URL("./reader-thread.js", import.meta.url);
  return script.protocol === "file:" && existsSync(script) ? script : undefined;
}
