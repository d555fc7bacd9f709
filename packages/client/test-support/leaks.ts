import { expect } from "vitest";

/** What keeps this process alive now, without what the test runner itself uses. */
export function activeResources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|TLS|Timeout|FSReq|HTTP2|DNS|GetAddrInfo/i.test(name))
    .sort();
}

/** Waits until no more is active than before. Fails, naming what is left, when that does not come about. */
export async function expectNothingLeft(before: readonly string[]): Promise<void> {
  await expect.poll(() => excess(activeResources(), before), { timeout: 5000, interval: 20 }).toEqual([]);
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
