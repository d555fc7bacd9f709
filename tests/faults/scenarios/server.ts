import { setTimeout as pause } from "node:timers/promises";
import { attempt } from "../attempt.js";
import { anyMoment, anyTarget, type Scenario } from "../scenario.js";

/** What happens to the server's process. */
export const serverScenarios: readonly Scenario[] = [
  {
    name: "server: SIGKILL",
    // Killed between the handshake and its first word, it looks like one that refuses the client's certificate.
    mayClaim: ["complete", "CONNECTION_LOST", "CONNECTION_FAILED", "CLIENT_CERTIFICATE_REJECTED"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      const { program } = await target.serving();
      await using client = await target.connect();
      const momentBytes = anyMoment(scene, random);
      const result = await attempt(client, scene.capture.first(), {
        momentBytes,
        onMoment: () => program.kill(),
      });
      await program.kill();
      return { target, attempt: result };
    },
  },
  {
    name: "server: SIGSTOP, then SIGCONT",
    mayClaim: ["complete"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      const { pid } = await target.serving();
      await using client = await target.connect();
      const result = await attempt(client, scene.capture.first(), {
        momentBytes: anyMoment(scene, random),
        async onMoment() {
          process.kill(pid, "SIGSTOP");
          await pause(random.between(10, 300));
          process.kill(pid, "SIGCONT");
        },
      });
      return { target, attempt: result };
    },
  },
  {
    name: "server: SIGSTOP past the deadline",
    mayClaim: ["complete", "TIMEOUT", "DEADLINE_EXCEEDED"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      const { pid } = await target.serving();
      await using client = await target.connect();
      const result = await attempt(client, scene.capture.first(), {
        request: { timeoutMs: 500 },
        momentBytes: anyMoment(scene, random),
        onMoment: () => void process.kill(pid, "SIGSTOP"),
      });
      process.kill(pid, "SIGCONT");
      return { target, attempt: result };
    },
  },
  {
    name: "server: SIGTERM drains",
    mayClaim: ["complete", "SERVER_DRAINING", "CONNECTION_FAILED", "CONNECTION_LOST"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      const { program, pid } = await target.serving();
      await using client = await target.connect();
      const momentBytes = anyMoment(scene, random);
      const result = await attempt(client, scene.capture.first(), {
        momentBytes,
        onMoment: () => void process.kill(pid, "SIGTERM"),
      });
      const code = await program.ended;
      if (code !== 0) throw new Error(`the server ended with ${code}`);
      // Only an answer that had not begun may be refused.
      const isRefused = result.said !== "complete";
      if (isRefused && momentBytes > 0)
        throw new Error(`a drained server said ${result.said} in the middle of an answer`);
      return { target, attempt: result };
    },
  },
];
