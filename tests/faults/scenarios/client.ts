import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { startScript } from "../../real/support/script.js";
import { attempt, compareSaved } from "../attempt.js";
import { anyMoment, anyTarget, type Scenario } from "../scenario.js";

/** What the client does, or what is done to it. */
export const clientScenarios: readonly Scenario[] = [
  {
    name: "client: SIGKILL while reading",
    mayClaim: ["KILLED"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      const { port } = await target.serving();
      const { fromNs, toNs } = scene.capture.first().window;
      const client = startScript(
        "run-client",
        {
          server: `127.0.0.1:${port}`,
          tls: scene.workplace.client,
          fromNs: String(fromNs),
          toNs: String(toNs),
          hang: true,
        },
        "dist",
      );
      await client.lineWith("chunk");
      await pause(random.between(0, 50));
      client.process.kill("SIGKILL");
      await client.stop();
      return { target, attempt: { said: "KILLED", isWhole: false, pcapBytes: 0 } };
    },
  },
  {
    name: "client: SIGKILL while saving",
    mayClaim: ["KILLED", "complete"],
    async run(scene, random) {
      const target = random.pick([scene.targets.directory, scene.targets.stenographer]);
      const { port } = await target.serving();
      const { fromNs, toNs } = scene.capture.first().window;
      const folder = scene.workplace.path("killed");
      mkdirSync(folder);
      const output = `${folder}/alert.pcap`;
      const settings = {
        server: `127.0.0.1:${port}`,
        tls: scene.workplace.client,
        fromNs: String(fromNs),
        toNs: String(toNs),
        output,
      };
      const client = startScript("run-client", settings, "dist");
      const isThere = (): boolean => readdirSync(folder).length > 0;
      while (!isThere() && client.process.exitCode === null) await pause(2);
      await pause(random.between(0, 60));
      client.process.kill("SIGKILL");
      await client.stop();
      const isSaved = existsSync(output);
      const said = isSaved ? "complete" : "KILLED";
      const result = isSaved
        ? await compareSaved(output, scene.capture.first(), said)
        : { said, isWhole: false, pcapBytes: 0 };
      rmSync(folder, { recursive: true });
      return { target, attempt: result };
    },
  },
  {
    name: "client: aborts by its signal",
    mayClaim: ["complete", "CANCELED"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      await using client = await target.connect();
      const leaving = new AbortController();
      const result = await attempt(client, scene.capture.first(), {
        request: { signal: leaving.signal },
        momentBytes: anyMoment(scene, random),
        onMoment: () => leaving.abort(),
      });
      return { target, attempt: result };
    },
  },
  {
    name: "client: aborts while saving",
    mayClaim: ["complete", "CANCELED"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      await using client = await target.connect();
      const leaving = new AbortController();
      const folder = scene.workplace.path("aborted");
      mkdirSync(folder);
      const result = await attempt(client, scene.capture.first(), {
        request: { signal: leaving.signal },
        output: `${folder}/alert.pcap`,
        momentBytes: anyMoment(scene, random),
        onMoment: () => leaving.abort(),
      });
      const left = readdirSync(folder);
      if (result.said !== "complete" && left.length > 0)
        throw new Error(`left in the folder: ${left.join(", ")}`);
      rmSync(folder, { recursive: true });
      return { target, attempt: result };
    },
  },
  {
    name: "client: leaves the loop",
    mayClaim: ["LEFT", "complete"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      await using client = await target.connect();
      const momentBytes = 1 + anyMoment(scene, random);
      const result = await attempt(client, scene.capture.first(), { momentBytes, breaks: true });
      return { target, attempt: result };
    },
  },
  {
    name: "client: stops reading, then goes on",
    mayClaim: ["complete"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      await using client = await target.connect();
      const result = await attempt(client, scene.capture.first(), {
        momentBytes: 1 + anyMoment(scene, random),
        onMoment: () => pause(random.between(50, 500)),
      });
      return { target, attempt: result };
    },
  },
];
