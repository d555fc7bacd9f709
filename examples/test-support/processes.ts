import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** A mark for the environment of a process, which all it starts inherit: also those in other process groups. */
export function processMark(): { readonly env: NodeJS.ProcessEnv; living(): number[] } {
  const name = "STENOGRPC_EXAMPLE_TEST";
  const value = randomUUID();
  return {
    env: { [name]: value },
    living: () => processesWith(`${name}=${value}`),
  };
}

/** Processes with that entry in their environment, by Linux' /proc. */
function processesWith(entry: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => environmentOf(pid).includes(entry))
    .map(Number);
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return []; // it has ended, or is none of ours
  }
}
