import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { run } from "@stenogrpc/testkit";
import { attempt } from "../attempt.js";
import { anyTarget, type Scenario } from "../scenario.js";

/** Disks that have no room. */
export const diskScenarios: readonly Scenario[] = [
  {
    name: "disk: full on the client",
    mayClaim: ["FILE_FAILED"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      await using client = await target.connect();
      const folder = scene.workplace.path("small-disk");
      mkdirSync(folder);
      const kibibytes = random.between(16, Math.floor(scene.capture.bytes.length / 1024) - 64);
      run("mount", ["-t", "tmpfs", "-o", `size=${kibibytes}k`, "tmpfs", folder]);
      try {
        const output = `${folder}/alert.pcap`;
        const result = await attempt(client, scene.capture.first(), { output });
        if (existsSync(output) || readdirSync(folder).length > 0) throw new Error("a half file is left");
        return { target, attempt: result };
      } finally {
        run("umount", [folder]);
        rmdirSync(folder);
      }
    },
  },
  {
    name: "disk: full for the audit log",
    mayClaim: ["AUDIT_FAILED"],
    async run(scene) {
      const target = scene.targets.audited;
      await target.serving();
      await using client = await target.connect();
      const filler = `${scene.auditDisk}/filler`;
      fillUp(filler);
      // The log's last page has room for some lines more.
      const truth = scene.capture.first(50);
      let result = await attempt(client, truth, {});
      for (let lines = 0; lines < 20 && result.said === "complete" && result.isWhole; lines++)
        result = await attempt(client, truth, {});
      rmSync(filler);
      return { target, attempt: result };
    },
  },
];

function fillUp(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  } finally {
    closeSync(file);
  }
}
