import { floorToSecond, nanosecondsPerSecond, type TimeNode } from "../../time.js";
import { type Condition, not } from "../condition.js";

/** Before a time, or then and after. @throws TypeError if the time is still relative */
export function isOnSide({ kind, time }: TimeNode): Condition {
  if (time.kind === "ago") {
    throw new TypeError(`"${kind} ${time.text} ago" has no fixed time yet: call resolveTimes first`);
  }
  const whole = floorToSecond(time.timestampNs);
  const isAfter: Condition = {
    op: "time",
    seconds: Number(whole / nanosecondsPerSecond),
    nanoseconds: Number(time.timestampNs - whole),
  };
  return kind === "after" ? isAfter : not(isAfter);
}
