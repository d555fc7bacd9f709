import { describe, expect, it } from "vitest";
import { BlockReader } from "./block-reader.js";
import { BlockReaders } from "./block-readers.js";

const make = () => new BlockReader({ resolution: "nanoseconds", restoreVlanTags: false });

describe("BlockReaders", () => {
  it("makes readers as they are needed, and no more than so many", () => {
    let made = 0;
    const readers = new BlockReaders(() => {
      made++;
      return make();
    }, 2);
    const first = readers.tryTake() as BlockReader; // of two
    expect(made).toBe(1);
    readers.give(first);
    expect(readers.tryTake()).toBe(first);
    expect(readers.tryTake()).toBeInstanceOf(BlockReader);
    expect(readers.tryTake()).toBeUndefined();
    expect(made).toBe(2);
  });

  it("lets who wants one wait until one is given back", async () => {
    const readers = new BlockReaders(make, 1);
    const { signal } = new AbortController();
    const only = await readers.take(signal);
    const waiting = readers.take(signal);
    readers.give(only);
    expect(await waiting).toBe(only);
  });

  it("lets nobody wait whose signal aborts, before or meanwhile", async () => {
    const readers = new BlockReaders(make, 1);
    const left = new AbortController();
    await readers.take(left.signal);
    const waiting = readers.take(left.signal);
    left.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await expect(readers.take(left.signal)).rejects.toThrow("left");
  });

  it("gives out those that are free at the end, and no further one", () => {
    const readers = new BlockReaders(make, 3);
    const [a, b] = [readers.tryTake() as BlockReader, readers.tryTake() as BlockReader]; // of three
    readers.give(a);
    expect(readers.drain()).toEqual([a]);
    expect(readers.tryTake()).toBeUndefined();
    readers.give(b);
    expect(readers.drain()).toEqual([b]);
  });
});
