import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failureOf } from "../../test-support/failure.js";
import { saveFile } from "./save-file.js";

/** Told after each change of a folder: what a crash at that moment would leave. */
const watch: { changed: () => void; fails: string | undefined } = { changed: () => {}, fails: undefined };

vi.mock("node:fs/promises", async (importOriginal) => {
  const original = await importOriginal<Record<string, (...args: unknown[]) => Promise<unknown>>>();
  const watched = ["rename", "link", "rm"].map((name) => [
    name,
    async (...args: unknown[]) => {
      const isManifest = String(args[1]).endsWith(".manifest.json");
      if (watch.fails === name && isManifest) throw Object.assign(new Error("EIO"), { code: "EIO" });
      const result = await original[name]?.(...args);
      watch.changed();
      return result;
    },
  ]);
  return { ...original, ...Object.fromEntries(watched) };
});

let folder: string;
let target: string;
let sidecar: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stenogrpc-manifest-"));
  target = join(folder, "alert.pcap");
  sidecar = `${target}.manifest.json`;
});
afterEach(async () => {
  Object.assign(watch, { changed: () => {}, fails: undefined });
  await rm(folder, { recursive: true, force: true });
});

const options = { uid: "u1", overwrite: true, signal: undefined };

async function* pieces(text: string) {
  yield new TextEncoder().encode(text);
}

/** A manifest as far as saving looks at it. */
function manifestOf(text: string): string {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return `${JSON.stringify({ format: "stenogrpc-manifest", sha256 }, null, 2)}\n`;
}

const save = (text: string, change: Partial<Parameters<typeof saveFile>[2]> = {}) =>
  saveFile(target, pieces(text), { ...options, manifest: async () => manifestOf(text), ...change });

describe("saving a file with a manifest", () => {
  it("puts it beside the file, readable by the owner alone, and leaves nothing else", async () => {
    expect(await save("one")).toBe(sidecar);
    expect(await readdir(folder)).toEqual(["alert.pcap", "alert.pcap.manifest.json"]);
    expect(await readFile(sidecar, "utf8")).toBe(manifestOf("one"));
    expect((await stat(sidecar)).mode & 0o777).toBe(0o600);
  });

  it.each([true, false])(
    "never shows a manifest beside a file that it does not describe (overwrite %s)",
    async (overwrite) => {
      if (overwrite) await save("old");
      let changes = 0;
      watch.changed = () => {
        changes++;
        if (!existsSync(sidecar)) return;
        expect(readFileSync(sidecar, "utf8")).toBe(manifestOf(readFileSync(target, "utf8")));
      };
      await save("new", { overwrite });
      expect(changes).toBeGreaterThan(overwrite ? 2 : 3);
      expect(await readFile(target, "utf8")).toBe("new");
    },
  );

  it("takes the old manifest away with its file, also where the new one gets none", async () => {
    await save("old");
    expect(await save("new", { manifest: undefined })).toBeUndefined();
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
  });

  it.each([true, false])(
    "takes a manifest away that came beside the file meanwhile (one wanted: %s)",
    async (wanted) => {
      async function* slow() {
        yield* pieces("sl");
        await save("quick");
        yield* pieces("ow");
      }
      const manifest = wanted ? async () => manifestOf("slow") : undefined;
      await saveFile(target, slow(), { ...options, uid: "u2", manifest });
      expect(await readFile(target, "utf8")).toBe("slow");
      expect(existsSync(sidecar) && readFileSync(sidecar, "utf8")).toBe(wanted && manifestOf("slow"));
    },
  );

  it("leaves file and manifest as they were when the pieces, or what describes them, fail", async () => {
    await save("old");
    async function* failing() {
      yield new Uint8Array(3);
      throw new Error("cut off");
    }
    const manifest = async () => manifestOf("new");
    await expect(saveFile(target, failing(), { ...options, manifest })).rejects.toThrow("cut off");
    const noManifest = async () => Promise.reject(new Error("no result"));
    await expect(save("new", { manifest: noManifest })).rejects.toThrow("no result");
    expect(await readdir(folder)).toEqual(["alert.pcap", "alert.pcap.manifest.json"]);
    expect(await readFile(sidecar, "utf8")).toBe(manifestOf(await readFile(target, "utf8")));
  });

  it("leaves a file without a manifest where that can't be put beside it", async () => {
    await save("old");
    watch.fails = "rename";
    expect(await failureOf(save("new"))).toMatchObject({ reason: "FILE_FAILED" });
    expect(await readdir(folder)).toEqual(["alert.pcap"]);
    expect(await readFile(target, "utf8")).toBe("new");
  });

  it("leaves nothing where it may not overwrite and the manifest can't be put beside it", async () => {
    watch.fails = "link";
    expect(await failureOf(save("new", { overwrite: false }))).toMatchObject({ reason: "FILE_FAILED" });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([true, false])(
    "does not write beside another file's manifest unless it may overwrite (one wanted: %s)",
    async (wanted) => {
      await writeFile(sidecar, manifestOf("gone"));
      const manifest = wanted ? async () => manifestOf("new") : undefined;
      const failure = await failureOf(save("new", { overwrite: false, manifest }));
      expect(failure).toMatchObject({ reason: "FILE_FAILED", code: "already_exists" });
      expect(failure.message).toContain("alert.pcap.manifest.json");
      await save("new", { manifest });
      expect(await readdir(folder)).toEqual(
        wanted ? ["alert.pcap", "alert.pcap.manifest.json"] : ["alert.pcap"],
      );
    },
  );

  it("replaces nothing of that name that is no manifest", async () => {
    await writeFile(sidecar, "{}");
    expect(await failureOf(save("new"))).toMatchObject({ code: "already_exists" });
    await save("new", { manifest: undefined, overwrite: false });
    expect(await readFile(sidecar, "utf8")).toBe("{}");
  });

  it("puts it beside the file that a link leads to", async () => {
    await save("old");
    await symlink(target, join(folder, "link"));
    const manifest = async () => manifestOf("new");
    expect(await saveFile(join(folder, "link"), pieces("new"), { ...options, manifest })).toBe(sidecar);
    expect(await readFile(sidecar, "utf8")).toBe(manifestOf("new"));
  });

  it("says before anything is pulled that the name is too long for one, and saves without", async () => {
    target = join(folder, `${"x".repeat(240)}.pcap`);
    expect((await failureOf(save("new"))).message).toContain("ENAMETOOLONG");
    await save("new", { manifest: undefined });
    expect(await readFile(target, "utf8")).toBe("new");
  });
});
