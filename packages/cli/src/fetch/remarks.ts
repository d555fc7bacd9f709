import { damageInWords, type FetchResult } from "@stenogrpc/client/node";
import { printable } from "../text/printable.js";

/** What else there is to say of how whole an answer is, in words. */
export function remarks(result: FetchResult): string[] {
  const harmless = result.damage.filter(({ losesPackets }) => !losesPackets);
  const lines = damageInWords(harmless, "such places").map(printable);
  if (result.verification === "structure-only") return lines;
  if (result.completeness === "proved") {
    lines.push("proved: the sensor counted by other means what it should give, and gave that");
  }
  if (result.coverage === undefined) {
    lines.push("the sensor does not know whether it has all of the window");
  }
  return lines;
}
