import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "@stenogrpc/testkit";
import { attempt } from "../attempt.js";
import { type Lie, passOn } from "../lying-daemon.js";
import { anyMoment, type Scenario } from "../scenario.js";
import type { Scene } from "../scene.js";

const failed = ["SOURCE_FAILED", "SOURCE_UNAVAILABLE", "SOURCE_CORRUPT"] as const;

/** A Stenographer that answers the query in its own way. */
function lying(
  name: string,
  mayClaim: readonly string[],
  lie: (scene: Scene, random: Random) => Lie,
  request: { timeoutMs?: number; filter?: string; dialect?: "stenographer" } = {},
): Scenario {
  return {
    name: `Stenographer: ${name}`,
    mayClaim,
    async run(scene, random) {
      const target = scene.targets.stenographer;
      await using client = await target.connect();
      scene.lyingDaemon.lie = lie(scene, random);
      const result = await attempt(client, scene.capture.first(), { request });
      scene.lyingDaemon.lie = undefined;
      return { target, attempt: result };
    },
  };
}

export const daemonScenarios: readonly Scenario[] = [
  lying("cuts its answer off", failed, (scene, random) => async (answer, response) => {
    await passOn(answer, response, random.between(1, scene.capture.bytes.length));
    response.destroy();
  }),
  lying("ends its answer in the middle of a packet", failed, (scene, random) => async (answer, response) => {
    await passOn(
      answer,
      response,
      scene.capture.offset(random.between(0, scene.capture.packets)) + random.between(1, 40),
    );
    response.end();
  }),
  lying(
    // As the real one does when a file is damaged. What its index has of it is counted.
    "ends its answer well between two packets",
    ["SOURCE_CORRUPT"],
    () => async (answer, response) => {
      await passOn(answer, response, 24);
      response.end();
    },
    { filter: "ip proto 6", dialect: "stenographer" },
  ),
  lying("is slow", ["complete"], (_, random) => async (answer, response) => {
    await pause(random.between(1, 300));
    await passOn(answer, response);
  }),
  lying("says nothing past the deadline", ["TIMEOUT", "DEADLINE_EXCEEDED"], () => () => {}, {
    timeoutMs: 400,
  }),
  lying("answers 500", failed, () => (_, response) => void response.writeHead(500).end("no")),
  lying(
    "redirects",
    failed,
    ({ daemon }) =>
      (_, response) =>
        void response.writeHead(302, { location: daemon.url }).end(),
  ),
  lying("sends a header without end", failed, () => async (_, response) => {
    const { socket } = response;
    socket?.write("HTTP/1.1 200 OK\r\nX: ");
    for (let pieces = 0; pieces < 1000 && socket?.destroyed === false; pieces++) {
      socket.write("a".repeat(1000));
      await pause(1);
    }
    socket?.destroy();
  }),
  {
    name: "Stenographer: down",
    mayClaim: ["complete", ...failed],
    async run(scene, random) {
      const target = scene.targets.stenographer;
      await using client = await target.connect();
      const momentBytes = anyMoment(scene, random);
      if (momentBytes === 0) await scene.lyingDaemon.goDown();
      const result = await attempt(client, scene.capture.first(), {
        momentBytes,
        onMoment: () => scene.lyingDaemon.goDown(),
      });
      await scene.lyingDaemon.comeBack();
      return { target, attempt: result };
    },
  },
  {
    name: "Stenographer: another authority's certificate",
    mayClaim: ["SOURCE_UNAVAILABLE"],
    async run(scene) {
      const target = scene.targets.stenographer;
      await using client = await target.connect();
      scene.lyingDaemon.showCertificate(scene.workplace.server);
      const result = await attempt(client, scene.capture.first(), {});
      scene.lyingDaemon.showCertificate();
      return { target, attempt: result };
    },
  },
];
