import { attempt } from "../attempt.js";
import { anyMoment, type Scenario } from "../scenario.js";

/** The server's clock is set while it answers. Certificates are good from five minutes ago on, so it goes back by less. */
export const clockScenarios: readonly Scenario[] = ["back", "forward"].map((direction) => ({
  name: `clock: set ${direction}`,
  mayClaim: ["complete"],
  async run(scene, random) {
    const target = scene.targets.clock;
    await using client = await target.connect();
    const seconds = random.between(1, direction === "back" ? 240 : 3000);
    const result = await attempt(client, scene.capture.first(), {
      momentBytes: anyMoment(scene, random),
      onMoment: () => scene.stepClock(`${direction === "back" ? "-" : "+"}${seconds}`),
    });
    scene.stepClock("+0");
    return { target, attempt: result };
  },
}));
