import { type CoverageGap, type Damage, type FetchResult, formatTime } from "@stenogrpc/client/node";
import { formatCount } from "./format.js";
import { printable } from "./printable.js";

const mostNamed = 10;

/** What an answer lacks, in words, one fact each: what the sensor can't answer for, and what it could not read. */
export function shortcomings({ coverage, damage }: FetchResult): string[] {
  return [
    ...named(coverage?.gaps ?? [], gapText, "gaps"),
    ...named(
      damage.filter(({ losesPackets }) => losesPackets),
      damageText,
      "damaged places",
    ),
  ];
}

/** What else there is to say of how whole an answer is, in words. */
export function remarks(result: FetchResult): string[] {
  const harmless = result.damage.filter(({ losesPackets }) => !losesPackets);
  const lines = named(harmless, damageText, "such places");
  if (result.verification === "structure-only") return lines;
  if (result.policyFilter !== "") {
    lines.push(`your role sees only packets that match ${printable(result.policyFilter)}`);
  }
  if (result.payloadLimitBytes !== undefined) {
    lines.push(
      `packets are cut ${result.payloadLimitBytes} bytes behind their transport header, by your role`,
    );
  }
  if (result.completeness === "proved") {
    lines.push("proved: the sensor counted by other means what it should give, and gave that");
  }
  if (result.coverage === undefined) {
    lines.push("the sensor does not know whether it has all of the window");
  }
  return lines;
}

/** The first few of them in words, and how many more there are. */
function named<T>(items: readonly T[], text: (item: T) => string, nouns: string): string[] {
  const lines = items.slice(0, mostNamed).map(text);
  const more = items.length - lines.length;
  if (more > 0) lines.push(`and ${formatCount(more)} more ${nouns}`);
  return lines;
}

function gapText({ startNs, endNs, reason, expectedAtNs }: CoverageGap): string {
  const [start, end] = [formatTime(startNs), formatTime(endNs)];
  switch (reason) {
    case "aged-out":
      return `the sensor has nothing before ${end} (asked from ${start})`;
    case "not-yet-written":
      return `not on disk yet after ${start} (asked up to ${end}); ask again ${
        expectedAtNs === undefined ? "in a few minutes" : `after ${formatTime(expectedAtNs)}`
      }`;
    case "missing":
      return `the sensor has nothing from ${start} to ${end}: capture stopped, or files are missing`;
    case "unstated":
      return `the sensor has nothing from ${start} to ${end}, and does not say why`;
  }
}

function damageText({ file, thread, block, offset, what, losesPackets }: Damage): string {
  const place = [
    `file ${printable(file)} of thread ${thread}`,
    ...(block === undefined ? [] : [`block ${block}`]),
    ...(offset === undefined ? [] : [`byte ${offset}`]),
  ].join(", ");
  return `${place}: ${printable(what)}${losesPackets ? " (packets may be missing)" : ""}`;
}

/** Coverage and damage as they go out as JSON: times in RFC 3339, undefined ones null. */
export function coverageJson({ coverage, damage }: FetchResult) {
  const when = (timestampNs: bigint | undefined) =>
    timestampNs === undefined ? null : formatTime(timestampNs);
  return {
    coverage: coverage
      ? {
          oldestPacket: when(coverage.oldestPacketNs),
          newestPacket: when(coverage.newestPacketNs),
          gaps: coverage.gaps.map((gap) => ({
            start: formatTime(gap.startNs),
            end: formatTime(gap.endNs),
            reason: gap.reason,
            expectedAt: when(gap.expectedAtNs),
          })),
        }
      : null,
    damage: damage.map(({ block = null, offset = null, ...rest }) => ({ ...rest, block, offset })),
  };
}
