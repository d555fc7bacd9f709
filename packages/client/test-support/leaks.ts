import { expect } from "vitest";

/**
 * What keeps this process alive now: sockets, servers, files, look-ups.
 *
 * Without timers, of which the test runner has its own, coming and going. Whether a client leaves one is seen where a process
 * of its own has to end (idle-process.test.ts).
 */
export function activeResources(): string[] {
  return process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate");
}

/** Waits until no more is active than before. Fails, naming what is left, when that does not come about. */
export async function expectNothingLeft(before: readonly string[]): Promise<void> {
  await expect.poll(() => excess(activeResources(), before), { timeout: 5000, interval: 10 }).toEqual([]);
}

function excess(now: readonly string[], before: readonly string[]): string[] {
  const unaccounted = [...before];
  return now.filter((name) => {
    const at = unaccounted.indexOf(name);
    if (at === -1) return true;
    unaccounted.splice(at, 1);
    return false;
  });
}
