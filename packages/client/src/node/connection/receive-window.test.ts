import { describe, expect, it } from "vitest";
import { ReceiveWindow } from "./receive-window.js";

const range = { first: 1000, widest: 10_000 };

/** A window, and the other end's view of it: how much it may send. */
function receiveWindow() {
  const end = { credit: range.first, updates: 0 };
  const window = new ReceiveWindow(range, range.widest, (bytes) => {
    expect(bytes).toBeGreaterThan(0);
    end.credit += bytes;
    end.updates++;
  });
  const send = (bytes: number) => {
    expect(bytes).toBeLessThanOrEqual(end.credit);
    end.credit -= bytes;
    window.arrive(bytes);
  };
  /** What changes the first window changes that of every stream, at both ends. */
  const resize = (to: typeof range, from = range) => {
    end.credit += to.first - from.first;
    window.resize(to);
  };
  return { window, end, send, resize };
}

describe("a window", () => {
  it("widens while its reader keeps up, as far as it may", () => {
    const { window, end, send } = receiveWindow();
    const widths: number[] = [];
    for (let i = 0; i < 80; i++) {
      send(250);
      window.refund(250);
      widths.push(end.credit);
    }
    expect(widths.slice(0, 2)).toEqual([4000, 3750]);
    expect(Math.max(...widths)).toBe(10_000);
    send(end.credit);
    expect(() => window.arrive(1)).toThrow("more than its window");
  });

  it("stays as it is where more waits for the reader", () => {
    const { window, end, send } = receiveWindow();
    send(1000);
    for (let i = 0; i < 20; i++) {
      window.refund(250);
      expect(end.credit).toBe(250);
      send(250);
    }
  });

  it("gives back in few messages", () => {
    const { window, end, send } = receiveWindow();
    send(1000);
    for (let i = 0; i < 100; i++) window.refund(10);
    expect(end.updates).toBeGreaterThan(0);
    expect(end.updates).toBeLessThan(5);
  });

  it("that has to be narrower gives back nothing until it is, and then goes on", () => {
    const { window, end, send, resize } = receiveWindow();
    send(250);
    window.refund(250);
    expect(end.credit).toBe(4000);
    resize({ first: 1000, widest: 1000 });
    let sent = 0;
    for (; end.credit > 1000; sent += 100) {
      send(100);
      window.refund(100);
    }
    expect(sent).toBeGreaterThanOrEqual(3000);
    for (let i = 0; i < 100; i++) {
      send(100);
      window.refund(100);
      expect(end.credit).toBeGreaterThan(0);
      expect(end.credit).toBeLessThanOrEqual(1000);
    }
  });

  it("follows the first window down and up, and never leaves the other end with nothing for good", () => {
    const { window, end, send, resize } = receiveWindow();
    const narrow = { first: 200, widest: 200 };
    send(1000);
    resize(narrow);
    expect(end.credit).toBe(-800);
    window.refund(1000);
    expect(end.credit).toBe(200);
    resize(range, narrow);
    expect(end.credit).toBe(1000);
    for (let i = 0; i < 100; i++) {
      send(Math.min(end.credit, 300));
      window.refund(300);
      expect(end.credit).toBeGreaterThan(0);
    }
  });
});
