import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "@stenogrpc/testkit";
import { attempt } from "../attempt.js";
import { anyMoment, type Scenario } from "../scenario.js";

/** What a folder of captures may be answered with when a file changes under it. */
const changed = ["complete", "SOURCE_CHANGED", "SOURCE_FAILED", "SOURCE_CORRUPT", "SOURCE_UNAVAILABLE"];
/** Stenographer's own files have checks of their own, so what is left of them is an answer, which says what it lacks. */
const damaged = [...changed, "incomplete"];

/** What happens to a file while it is read: before its first byte has come, the file would just not have been there. */
const damages: Readonly<Record<string, (path: string, random: Random) => void>> = {
  deleted: (path) => rmSync(path),
  truncated: (path, random) => truncateSync(path, random.between(0, statSync(path).size)),
  "replaced by a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  "replaced by a link to itself": (path) => {
    rmSync(path);
    symlinkSync(path, path);
  },
  "overwritten to its end": (path, random) => {
    const { size } = statSync(path);
    // Never in the last packet alone: what is in a packet is nobody's to check.
    const from = random.between(0, Math.max(1, size - 65_536));
    const file = openSync(path, "r+");
    writeSync(file, Buffer.alloc(size - from), 0, size - from, from);
    closeSync(file);
  },
};

function damaging(
  kind: "directory" | "stenographer-files",
  folder: "captures" | "packets" | "index",
  how: string,
): Scenario {
  const where =
    kind === "directory" ? "a capture file" : folder === "index" ? "an index file" : "a packet file";
  return {
    name: `files: ${where} is ${how}`,
    mayClaim: kind === "directory" ? changed : damaged,
    async run(scene, random) {
      const target = scene.targets[kind];
      await using client = await target.connect();
      const path = join(scene.folders[folder], random.pick(readdirSync(scene.folders[folder])));
      const result = await attempt(client, scene.capture.first(), {
        momentBytes: 1 + anyMoment(scene, random),
        onMoment: () => damages[how]?.(path, random),
      });
      scene.restoreFiles();
      return { target, attempt: result };
    },
  };
}

export const fileScenarios: readonly Scenario[] = [
  ...Object.keys(damages).flatMap((how) => [
    damaging("directory", "captures", how),
    damaging("stenographer-files", "packets", how),
    damaging("stenographer-files", "index", how),
  ]),
  {
    name: "files: capture files are rotated",
    mayClaim: changed,
    async run(scene, random) {
      const target = scene.targets.directory;
      await using client = await target.connect();
      const { captures } = scene.folders;
      const result = await attempt(client, scene.capture.first(), {
        momentBytes: 1 + anyMoment(scene, random),
        onMoment() {
          // As logrotate and tcpdump -W do: each takes the name of the next, the oldest goes.
          renameSync(`${captures}/b.pcap`, `${captures}/c.pcap`);
          renameSync(`${captures}/a.pcap`, `${captures}/b.pcap`);
          copyFileSync(`${captures}/b.pcap`, `${captures}/a.pcap`);
        },
      });
      scene.restoreFiles();
      return { target, attempt: result };
    },
  },
];
