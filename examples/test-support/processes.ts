import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { expect, vi } from "vitest";

/** A mark in the environment of a process, which all that it starts inherit: also those in other process groups. */
export interface ProcessMark {
  readonly env: NodeJS.ProcessEnv;
  /** The processes that have it now. */
  living(): number[];
  /** Resolves when there is none; rejects when some stay. A moment is theirs: tsx' esbuild ends after its parent. */
  untilAllGone(): Promise<void>;
}

/** Makes a mark that no other process has. */
export function processMark(): ProcessMark {
  const name = "STENOGRPC_EXAMPLE_TEST";
  const value = randomUUID();
  const living = () => processesWith(`${name}=${value}`);
  return {
    env: { [name]: value },
    living,
    untilAllGone: () => vi.waitFor(() => expect(living()).toEqual([]), { timeout: 10_000, interval: 20 }),
  };
}

/** Processes with that entry in their environment, by Linux' /proc. */
function processesWith(entry: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => listOf(pid, "environ").includes(entry));
}

/** The program and the arguments of a process; none where it has ended. */
export function commandLineOf(pid: number): string[] {
  return listOf(pid, "cmdline");
}

function listOf(pid: number, name: "environ" | "cmdline"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8").split("\0");
  } catch {
    return []; // it has ended, or is none of ours
  }
}
