import type { Random } from "@stenogrpc/testkit";
import type { Attempt } from "./attempt.js";
import { type Scene, type SourceKind, sourceKinds } from "./scene.js";
import type { Target } from "./target.js";

/** One way in which things break. */
export interface Scenario {
  /** Where and how: "server: SIGKILL". */
  readonly name: string;
  /** What the client may say. "complete" is right only where every byte is there, and is to be in this list as well. */
  readonly mayClaim: readonly string[];
  /** Makes it happen once, and puts back what it broke. */
  run(scene: Scene, random: Random): Promise<ScenarioRun>;
}

/** What came of it. */
export interface ScenarioRun {
  readonly target: Target;
  readonly attempt: Attempt;
}

/** A server of any kind; most often of the one that costs least to ask. */
export function anyTarget({ targets }: Scene, random: Random): Target {
  const kind: SourceKind = random.fraction() < 0.5 ? "directory" : random.pick(sourceKinds);
  return targets[kind];
}

/** A moment of an answer, in bytes of it: before the first one, in the middle, or near its end. */
export function anyMoment({ capture }: Scene, random: Random): number {
  return random.fraction() < 0.1 ? 0 : random.between(1, capture.bytes.length);
}
