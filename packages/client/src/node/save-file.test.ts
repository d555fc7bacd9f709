import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failureOf } from "../../test-support/failure.js";
import { saveFile } from "./save-file.js";

let folder: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-save-"));
  target = join(folder, "alert.pcap");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options = { uid: "u1", overwrite: true, signal: undefined };

async function* pieces(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

describe("saveFile", () => {
  it("puts the pieces under the name, readable by the owner alone, and leaves nothing else", async () => {
    await saveFile(target, pieces("one ", "two"), options);
    expect(await readFile(target, "utf8")).toBe("one two");
    expect((await stat(target)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
  });

  it("grows beside the target, and the target appears with the last piece", async () => {
    async function* watched() {
      yield new TextEncoder().encode("one");
      expect(await readdir(folder)).toEqual([".alert.pcap.u1.partial"]);
      expect((await stat(join(folder, ".alert.pcap.u1.partial"))).mode & 0o777).toBe(0o600);
      yield new TextEncoder().encode("two");
    }
    await saveFile(target, watched(), options);
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
  });

  it("leaves the old file as it was, and no temporary one, when the pieces fail", async () => {
    await writeFile(target, "old");
    async function* failing() {
      yield new TextEncoder().encode("new");
      throw new Error("cut off");
    }
    await expect(saveFile(target, failing(), options)).rejects.toThrow("cut off");
    expect(await readFile(target, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
  });

  it("replaces what is there, or refuses to before anything is pulled", async () => {
    await writeFile(target, "old");
    let pulled = false;
    async function* noted() {
      pulled = true;
      yield new Uint8Array(1);
    }
    const failure = await failureOf(saveFile(target, noted(), { ...options, overwrite: false }));
    expect(failure).toMatchObject({ reason: "FILE_FAILED", code: "already_exists", uid: "u1" });
    expect(failure.message).toMatch(/there already; choose another name, or allow overwrite \(EEXIST\)/);
    expect(pulled).toBe(false);
    await saveFile(target, pieces("new"), options);
    expect(await readFile(target, "utf8")).toBe("new");
  });

  it("does not overwrite a file that appears meanwhile, unless it may", async () => {
    async function* raced() {
      yield new TextEncoder().encode("mine");
      await writeFile(target, "theirs");
    }
    const failure = await failureOf(saveFile(target, raced(), { ...options, overwrite: false }));
    expect(failure).toMatchObject({ reason: "FILE_FAILED", code: "already_exists" });
    expect(await readFile(target, "utf8")).toBe("theirs");
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
  });

  it("saves without overwriting where the name is free", async () => {
    await saveFile(target, pieces("new"), { ...options, overwrite: false });
    expect(await readFile(target, "utf8")).toBe("new");
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
  });

  it("does not put in place what was aborted after its last piece", async () => {
    const controller = new AbortController();
    async function* abortedAtTheEnd() {
      yield new TextEncoder().encode("whole");
      controller.abort();
    }
    const failure = await failureOf(
      saveFile(target, abortedAtTheEnd(), { ...options, signal: controller.signal }),
    );
    expect(failure.reason).toBe("CANCELED");
    expect(await readdir(folder)).toEqual([]);
  });

  it("never writes into a temporary file that somebody else put there", async () => {
    const secret = join(folder, "secret");
    await writeFile(secret, "keep");
    await link(secret, join(folder, ".alert.pcap.u1.partial"));
    const failure = await failureOf(saveFile(target, pieces("new"), options));
    expect(failure.message).toMatch(/\.alert\.pcap\.u1\.partial: the file is there already/);
    expect(await readFile(secret, "utf8")).toBe("keep");
  });

  it("writes through a symbolic link to the file it names", async () => {
    const real = join(folder, "real.pcap");
    await writeFile(real, "old");
    await symlink(real, target);
    await saveFile(target, pieces("new"), options);
    expect((await lstat(target)).isSymbolicLink()).toBe(true);
    expect(await readFile(real, "utf8")).toBe("new");
  });

  it("cuts a long name so that the temporary one fits too", async () => {
    const long = join(folder, `${"ä".repeat(120)}.pcap`);
    await saveFile(long, pieces("x"), { ...options, uid: "u".repeat(128) });
    expect(await readFile(long, "utf8")).toBe("x");
  });

  it("says what to do when the folder is missing", async () => {
    const path = join(folder, "no/where.pcap");
    const failure = await failureOf(saveFile(path, pieces("x"), options));
    expect(failure).toMatchObject({ reason: "FILE_FAILED", code: "failed_precondition", retryable: false });
    expect(failure.message).toBe(`cannot save to ${path}: the folder is not there; make it first (ENOENT)`);
  });

  it("leaves folders and devices alone", async () => {
    await mkdir(target);
    expect((await failureOf(saveFile(target, pieces("x"), options))).message).toMatch(
      /that is a folder.*EISDIR/,
    );
    expect((await failureOf(saveFile("/dev/null", pieces("x"), options))).message).toMatch(
      /not a regular file/,
    );
    expect((await stat("/dev/null")).isCharacterDevice()).toBe(true);
  });
});
