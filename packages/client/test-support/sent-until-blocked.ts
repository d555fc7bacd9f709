import { expect } from "vitest";

/** What a server has sent when its reader takes no more: the number stands still. */
export async function sentUntilBlocked(seen: { readonly sent: number }): Promise<number> {
  let before = -1;
  const stands = () => {
    const isSame = seen.sent === before && seen.sent > 10;
    before = seen.sent;
    return isSame;
  };
  await expect.poll(stands, { interval: 100, timeout: 10_000 }).toBe(true);
  return before;
}
