import { mkdtemp, type open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failureOf } from "../../test-support/failure.js";
import { saveFile } from "./save-file.js";

/** Which operation of an open file fails, and with what. */
const disk: { failing: "writeFile" | "sync" | "close" | undefined; code: string } = {
  failing: undefined,
  code: "",
};

vi.mock("node:fs/promises", async (importOriginal) => {
  const original = await importOriginal<{ open: typeof open }>();
  const openOnFailingDisk: typeof open = async (...args) => {
    const file = await original.open(...args);
    const { failing, code } = disk;
    if (failing === undefined) return file;
    const fails = async () => {
      if (failing === "close") await close();
      throw Object.assign(new Error(code), { code });
    };
    const close = file.close.bind(file);
    return Object.assign(file, { [failing]: fails });
  };
  return { ...original, open: openOnFailingDisk };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-disk-"));
});
afterEach(async () => {
  disk.failing = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function* pieces() {
  for (let i = 0; i < 3; i++) yield new Uint8Array(200_000);
}

describe("saveFile on a failing disk", () => {
  it.each([
    ["writeFile", "ENOSPC", /the disk is full; free space, set maxBytes or choose another disk \(ENOSPC\)$/],
    ["writeFile", "EDQUOT", /the quota is used up/],
    ["writeFile", "EFBIG", /takes no file that large/],
    ["sync", "EIO", /the disk fails; choose another \(EIO\)$/],
    ["close", "EIO", /the disk fails/],
    ["writeFile", "EODD", /cannot save to .*: EODD$/],
  ] as const)(
    "that fails %s with %s says what to do, removes its file, and keeps the old one",
    async (failing, code, message) => {
      const target = join(folder, "alert.pcap");
      await writeFile(target, "old");
      Object.assign(disk, { failing, code });
      const failure = await failureOf(
        saveFile(target, pieces(), { uid: "u1", overwrite: true, signal: undefined }),
      );
      expect(failure).toMatchObject({
        reason: "FILE_FAILED",
        code: "failed_precondition",
        uid: "u1",
        retryable: false,
      });
      expect(failure.message).toMatch(message);
      expect(await readFile(target, "utf8")).toBe("old");
      expect(await readdir(folder)).toEqual(["alert.pcap"]);
    },
  );
});
