import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFilesBelow } from "@stenogrpc/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { diskSeekBytes } from "./file-access.js";
import { QuickAccess } from "./quick-access.js";

let folder = "";
let path = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quick-"));
  path = join(folder, "file");
  writeFileSync(path, "0123456789");
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

/** A clock that goes on by so much whenever somebody looks at it; while it does the process reads from a disk, or not. */
function setClock(step: number, readsDisk = true): { now: number; step: number } {
  const clock = { now: 0, step };
  const usage = process.resourceUsage();
  vi.spyOn(process, "resourceUsage").mockImplementation(() => ({
    ...usage,
    fsRead: readsDisk ? clock.now : 0,
  }));
  vi.spyOn(performance, "now").mockImplementation(() => {
    clock.now += clock.step;
    return clock.now;
  });
  return clock;
}

describe("QuickAccess", () => {
  it.each([
    ["quick", 0],
    ["slow", 1000],
  ])("reads what is there, and closes, on a %s disk", async (_, ms) => {
    setClock(ms);
    const access = new QuickAccess();
    expect((await access.stat(path)).ino).toBe(statSync(path).ino);
    const file = await access.open(path);
    expect((await file.stat()).size).toBe(10);
    const bytes = Buffer.alloc(10);
    expect(await file.read(bytes, 2, 3, 4)).toEqual({ bytesRead: 3 });
    expect(bytes.toString("latin1", 2, 5)).toBe("456");
    expect(await file.read(bytes, 0, 10, 8)).toEqual({ bytesRead: 2 });
    await Promise.all([file.close(), file.close()]);
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
    await expect(access.open(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(access.stat(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("hands operations to Node's threads for a hundred times as long as one took that was slow", async () => {
    const clock = setClock(0);
    const file = await new QuickAccess().open(path);
    const bytes = Buffer.alloc(10);
    const read = () => file.read(bytes, 0, 10, 0);
    expect(read()).toEqual({ bytesRead: 10 });
    expect(file.seekBytes).toBeLessThan(diskSeekBytes);
    clock.step = 8;
    expect(await file.stat()).toMatchObject({ size: 10 });
    clock.step = 0;
    for (const [later, quick] of [
      [0, false],
      [799, false],
      [1, true],
    ] as const) {
      clock.now += later;
      expect((file.seekBytes ?? 0) < diskSeekBytes).toBe(quick);
      const bytesRead = read();
      expect(bytesRead instanceof Promise).toBe(!quick);
      expect(await bytesRead).toEqual({ bytesRead: 10 });
    }
    await file.close();
  });

  it("takes one folder for slow and another for quick", async () => {
    const other = join(folder, "other");
    mkdirSync(other);
    writeFileSync(join(other, "file"), "0123456789");
    const clock = setClock(0);
    const access = new QuickAccess();
    const [slow, quick] = [await access.open(path), await access.open(join(other, "file"))];
    clock.step = 8;
    await slow.stat();
    clock.step = 0;
    expect(slow.seekBytes).toBe(diskSeekBytes);
    expect(quick.seekBytes).toBeLessThan(diskSeekBytes);
    await Promise.all([slow.close(), quick.close()]);
  });

  it("takes a read for quick by what it reads", async () => {
    const large = join(folder, "large");
    writeFileSync(large, Buffer.alloc(1024 * 1024));
    const clock = setClock(0);
    const file = await new QuickAccess().open(large);
    const bytes = Buffer.alloc(1024 * 1024);
    for (const [length, seeks] of [
      [bytes.length, "calls"],
      [100, "disk"],
    ] as const) {
      for (let i = 0; i < 30; i++) {
        clock.step = 1;
        await file.read(bytes, 0, length, 0);
        clock.step = 0;
      }
      expect(file.seekBytes === diskSeekBytes ? "disk" : "calls").toBe(seeks);
    }
    await file.close();
    rmSync(large);
  });

  it("takes no disk for slow that nothing was read from: the thread had no processor", async () => {
    const clock = setClock(0, false);
    const file = await new QuickAccess().open(path);
    for (let i = 0; i < 100; i++) {
      clock.step = 40;
      await file.stat();
      clock.step = 0;
      expect(file.seekBytes).toBeLessThan(diskSeekBytes);
    }
    clock.step = 60;
    await file.stat();
    clock.step = 0;
    expect(file.seekBytes).toBe(diskSeekBytes);
    await file.close();
  });

  it("takes no disk for slow that is waited for now and then", async () => {
    const clock = setClock(0);
    const file = await new QuickAccess().open(path);
    for (let i = 0; i < 100; i++) {
      clock.now += 100;
      clock.step = 1;
      await file.stat();
      clock.step = 0;
      expect(file.seekBytes).toBeLessThan(diskSeekBytes);
    }
    await file.close();
  });

  it("lets others have a turn every five milliseconds", async () => {
    const clock = setClock(0);
    const file = await new QuickAccess().open(path);
    const bytes = Buffer.alloc(10);
    let turns = 0;
    const turn = () => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    for (let i = 0; i < 50; i++) await file.read(bytes, 0, 10, 0);
    expect(turns).toBe(0);
    clock.now += 6;
    const read = file.read(bytes, 0, 10, 0);
    expect(read).toBeInstanceOf(Promise);
    await read;
    expect(turns).toBe(1);
    expect(file.read(bytes, 0, 10, 0)).toEqual({ bytesRead: 10 });
    clearImmediate(next);
    await file.close();
  });

  it("gives a file's number back when nothing reads from it any more", async () => {
    const clock = setClock(0);
    const access = new QuickAccess();
    const file = await access.open(path);
    const bytes = Buffer.alloc(10);
    clock.step = 8;
    await file.stat();
    clock.step = 0;
    const reads = Array.from({ length: 500 }, () => file.read(bytes, 0, 10, 0));
    clock.now += 1000; // what comes now comes at once
    const done: string[] = [];
    for (const read of reads) void Promise.resolve(read).then(() => done.push("read"));
    await file.close();
    expect(done).toHaveLength(500);
    expect(await Promise.all(reads)).toEqual(Array(500).fill({ bytesRead: 10 }));
    await expect(file.read(bytes, 0, 1, 0)).rejects.toMatchObject({ code: "EBADF" });
    await expect(file.stat()).rejects.toMatchObject({ code: "EBADF" });
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
  });
});
