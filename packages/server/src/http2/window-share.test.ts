import { describe, expect, it } from "vitest";
import { settingsPayload } from "../../test-support/raw-http2.js";
import { WindowShare } from "./window-share.js";

const maxFrameSize = 0x5;
const initialWindowSize = 0x4;

/** A share of a connection whose peer takes long frames, with stream 1 past node:http2. */
function wideShare(): WindowShare {
  const share = new WindowShare();
  share.apply(
    settingsPayload([
      [maxFrameSize, 1_048_576],
      [initialWindowSize, 500_000],
    ]),
    () => {},
  );
  share.widen(0, 2_000_000);
  share.opened(1);
  share.takeOver(1);
  return share;
}

describe("a window share", () => {
  it("is wide where the peer takes long frames, and lets enough come beside node:http2's part", () => {
    const share = new WindowShare();
    expect(share.isWide).toBe(false);
    share.widen(0, 999_999);
    share.apply(settingsPayload([[maxFrameSize, 1_048_576]]), () => {});
    expect(share.isWide).toBe(false);
    share.widen(0, 1);
    expect(share.isWide).toBe(true);
  });

  it("leaves 64 KiB of the connection to node:http2, and a stream no more than its own window", () => {
    const share = wideShare();
    expect(share.spareBytes(1)).toBe(500_000);
    share.widen(1, 5_000_000);
    expect(share.spareBytes(1)).toBe(2_000_000);
    share.spend(1, 1_500_000);
    expect(share.spareBytes(1)).toBe(500_000);
  });

  it("gives node:http2 back what its DATA took, as far as the peer lets it", () => {
    const share = wideShare();
    share.opened(3);
    share.spendNodes(3, 60_000);
    expect([share.refill(), share.refill()]).toEqual([60_000, 0]);
    share.widen(1, 5_000_000);
    share.spend(1, share.spareBytes(1));
    share.spendNodes(3, 10_000);
    expect(share.refill()).toBe(0);
    share.widen(0, 4000);
    expect(share.refill()).toBe(4000);
  });

  it("gives node:http2 all of the window where the peer takes no long frames", () => {
    const share = new WindowShare();
    share.widen(0, 1_000_000);
    expect(share.refill()).toBe(1_000_000);
  });

  it("keeps from node:http2 what is granted to the connection, and to a stream as long as it goes past", () => {
    const share = wideShare();
    share.opened(3);
    expect([share.widen(0, 1), share.widen(1, 1), share.widen(3, 1)]).toEqual([false, false, true]);
    share.leave(1);
    expect(share.widen(1, 1)).toBe(true);
  });

  it("leaves node:http2 a byte of each stream that goes past it, whatever the settings take away", () => {
    const share = wideShare();
    const given: [number, number][] = [];
    const give = (...what: [number, number]) => void given.push(what);
    share.apply(settingsPayload([[initialWindowSize, 1]]), give);
    expect(given).toEqual([]);
    share.apply(settingsPayload([[initialWindowSize, 0]]), give);
    expect(given).toEqual([[1, 1]]);
    share.apply(settingsPayload([[initialWindowSize, 500_000]]), give);
    share.apply(settingsPayload([[initialWindowSize, 0]]), give);
    expect(given).toEqual([[1, 1]]);
  });
});
