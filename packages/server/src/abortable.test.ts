import { describe, expect, it } from "vitest";
import { abortable, orAbort } from "./abortable.js";

async function* numbers(count: number, onClose?: () => void): AsyncGenerator<number> {
  try {
    for (let i = 0; i < count; i++) yield i;
  } finally {
    onClose?.();
  }
}

const never = <T>(): Promise<T> => new Promise(() => {});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("abortable", () => {
  it("passes everything on", async () => {
    expect(await collect(abortable(numbers(3), new AbortController().signal))).toEqual([0, 1, 2]);
  });

  it("throws the signal's reason while the source hangs", async () => {
    const controller = new AbortController();
    const hanging = { [Symbol.asyncIterator]: () => ({ next: () => never<IteratorResult<number>>() }) };
    const reading = collect(abortable(hanging, controller.signal));
    controller.abort(new Error("left"));
    await expect(reading).rejects.toThrow("left");
  });

  it("throws at once where the signal is aborted before", async () => {
    await expect(collect(abortable(numbers(3), AbortSignal.abort(new Error("left"))))).rejects.toThrow(
      "left",
    );
  });

  it("closes the source when the reader leaves", async () => {
    let closed = false;
    for await (const n of abortable(
      numbers(3, () => (closed = true)),
      new AbortController().signal,
    )) {
      if (n === 1) break;
    }
    expect(closed).toBe(true);
  });

  it("passes the source's own error on", async () => {
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      throw new Error("broken");
    }
    await expect(collect(abortable(failing(), new AbortController().signal))).rejects.toThrow("broken");
  });
});

describe("orAbort", () => {
  it("gives the promise's value or error", async () => {
    const { signal } = new AbortController();
    expect(await orAbort(Promise.resolve(7), signal)).toBe(7);
    await expect(orAbort(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
  });

  it("does not wait for a promise that hangs", async () => {
    const controller = new AbortController();
    const waiting = orAbort(never(), controller.signal);
    controller.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
  });
});
