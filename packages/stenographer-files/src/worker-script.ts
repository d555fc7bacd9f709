import { existsSync } from "node:fs";

/**
 * Where the reader thread's script is. Undefined: not beside this module, as in a bundle, and in TypeScript; or this process may start no
 * thread (Node's permission model without `--allow-worker`).
 */
export function workerScript(): URL | undefined {
  if (mayStartThreads() && URL.canParse("./reader-worker.js", import.meta.url)) {
    const script = new URL("./reader-worker.js", import.meta.url);
    if (script.protocol === "file:" && existsSync(script)) return script;
  }
  return undefined;
}

function mayStartThreads(): boolean {
  const permission = process.permission as typeof process.permission | undefined; // only there with the permission model
  return permission?.has("worker") ?? true;
}
