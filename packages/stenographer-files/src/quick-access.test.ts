import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFilesBelow } from "@stenogrpc/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { seekCosts } from "./file-access.js";
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

/** Every operation seems to take so long. */
function clockSteps(ms: number): void {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += ms;
    return now;
  });
}

describe("QuickAccess", () => {
  it.each([
    ["quick", 0],
    ["slow", 1000],
  ])("reads what is there, and closes, on a %s disk", async (_, ms) => {
    clockSteps(ms);
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

  it("hands sixteen operations to Node's threads after one that took long, and then tries again", async () => {
    const access = new QuickAccess();
    const file = await access.open(path);
    const bytes = Buffer.alloc(10);
    const now = () => file.readNow?.(bytes, 0, 10, 0);
    clockSteps(0);
    expect(now()).toBe(10);
    expect(access.costs.seekBytes).toBeLessThan(seekCosts.seekBytes);
    clockSteps(1);
    expect(now()).toBe(10);
    clockSteps(0);
    expect(access.costs).toEqual(seekCosts);
    for (let i = 0; i < 16; i++) expect(now()).toBeUndefined();
    expect(now()).toBe(10);
    await file.close();
  });

  it("takes a read for quick by what it reads", async () => {
    const large = join(folder, "large");
    writeFileSync(large, Buffer.alloc(1024 * 1024));
    const access = new QuickAccess();
    const file = await access.open(large);
    const bytes = Buffer.alloc(1024 * 1024);
    clockSteps(1);
    expect(file.readNow?.(bytes, 0, bytes.length, 0)).toBe(bytes.length);
    expect(file.readNow?.(bytes, 0, 100, 0)).toBe(100);
    expect(file.readNow?.(bytes, 0, 100, 0)).toBeUndefined();
    await file.close();
    rmSync(large);
  });

  it("gives a file's number back when nothing reads from it any more", async () => {
    clockSteps(1000);
    const access = new QuickAccess();
    const file = await access.open(path);
    const bytes = Buffer.alloc(10);
    const reads = Array.from({ length: 8 }, () => file.read(bytes, 0, 10, 0));
    const closed = file.close();
    // Whatever is opened meanwhile must not get the number.
    const others = await Promise.all(Array.from({ length: 8 }, () => access.open(path)));
    expect(await Promise.all(reads)).toEqual(Array(8).fill({ bytesRead: 10 }));
    await closed;
    await expect(file.read(bytes, 0, 1, 0)).rejects.toMatchObject({ code: "EBADF" });
    await expect(file.stat()).rejects.toMatchObject({ code: "EBADF" });
    expect(file.readNow?.(bytes, 0, 1, 0)).toBeUndefined();
    await Promise.all(others.map((other) => other.close()));
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
  });
});
