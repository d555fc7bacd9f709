import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
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
      const client = await target.connect();
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
        await client.close();
      }
    },
  },
];
