import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Admission, type Applicant } from "./admission.js";

const forever = new AbortController().signal;
const queue = { length: 2, timeoutMs: 5000 };

function applicant(identity: string, rest: Partial<Applicant> = {}): Applicant {
  return { identity, signal: forever, ...rest };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("places", () => {
  it("are as many as there are; who comes after waits until one comes back", async () => {
    const admission = new Admission({ concurrency: 2, queue });
    const leave = await admission.enter(applicant("a"));
    await admission.enter(applicant("b"));
    const third = admission.enter(applicant("c"));
    expect([admission.running, admission.waiting]).toEqual([2, 1]);
    leave();
    await third;
    expect([admission.running, admission.waiting]).toEqual([2, 0]);
  });

  it("come back once, however often they are given", async () => {
    const admission = new Admission({ concurrency: 2, queue });
    const leave = await admission.enter(applicant("a"));
    await admission.enter(applicant("a"));
    leave();
    leave();
    expect(admission.running).toBe(1);
  });
});

describe("the queue", () => {
  it("gives places in the order of arrival, and lets nobody overtake", async () => {
    const admission = new Admission({ concurrency: 1, queue });
    const order: string[] = [];
    const come = (name: string) =>
      admission.enter(applicant(name)).then((leave) => {
        order.push(name);
        return leave;
      });
    const leave = await come("first");
    const second = come("second");
    const third = come("third");
    leave();
    const late = come("late");
    (await second)();
    (await third)();
    await late;
    expect(order).toEqual(["first", "second", "third", "late"]);
  });

  it("refuses who finds it full, and says when to come back", async () => {
    const admission = new Admission({ concurrency: 1, queue: { length: 0, timeoutMs: 5000 } });
    await admission.enter(applicant("a"));
    await expect(admission.enter(applicant("b"))).rejects.toMatchObject({
      kind: "no-free-slot",
      retryAfterMs: 1000,
    });
  });

  it("sends away who has waited as long as one may, and remembers nothing of them", async () => {
    const admission = new Admission({ concurrency: 1, queue });
    const leave = await admission.enter(applicant("a"));
    const refused = expect(admission.enter(applicant("b", { limit: 1 }))).rejects.toMatchObject({
      kind: "no-free-slot",
    });
    await vi.advanceTimersByTimeAsync(4999);
    expect(admission.waiting).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    await refused;
    expect(admission.waiting).toBe(0);
    leave();
    await admission.enter(applicant("b", { limit: 1 }));
    expect(admission.running).toBe(1);
  });

  it("forgets whoever leaves it", async () => {
    const admission = new Admission({ concurrency: 1, queue });
    const leave = await admission.enter(applicant("a"));
    const client = new AbortController();
    const left = expect(admission.enter(applicant("b", { signal: client.signal }))).rejects.toThrow("gone");
    client.abort(new Error("gone"));
    await left;
    expect(admission.waiting).toBe(0);
    leave();
    expect(admission.running).toBe(0);
  });

  it("takes nobody who has left before", async () => {
    const admission = new Admission({ concurrency: 1, queue });
    await expect(
      admission.enter(applicant("a", { signal: AbortSignal.abort(new Error("gone")) })),
    ).rejects.toThrow("gone");
    expect(admission.running).toBe(0);
  });
});

describe("one identity", () => {
  it("holds and waits for no more places than it may, which takes none from others", async () => {
    const admission = new Admission({ concurrency: 2, queue });
    const leave = await admission.enter(applicant("a", { limit: 1 }));
    await expect(admission.enter(applicant("a", { limit: 1 }))).rejects.toMatchObject({
      kind: "identity-limit",
      retryAfterMs: 1000,
    });
    await admission.enter(applicant("b", { limit: 1 }));
    leave();
    await admission.enter(applicant("a", { limit: 1 }));
    expect(admission.running).toBe(2);
  });
});

describe("closing", () => {
  it("sends the waiting away, gives no further place, and takes back those that are held", async () => {
    const admission = new Admission({ concurrency: 1, queue });
    const leave = await admission.enter(applicant("a"));
    const waiting = expect(admission.enter(applicant("b"))).rejects.toMatchObject({ kind: "draining" });
    admission.close();
    await waiting;
    await expect(admission.enter(applicant("c"))).rejects.toMatchObject({ kind: "draining" });
    leave();
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });
});
