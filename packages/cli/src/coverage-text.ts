import { type CoverageGap, type Damage, type FetchResult, formatTime } from "@stenogrpc/client/node";
import { formatCount } from "./format.js";
import { printable } from "./printable.js";

const mostNamed = 10;

/** What an answer lacks, in words, one fact each: what the sensor can't answer for, and what it could not read. */
export function shortcomings(result: FetchResult, nowMs: number = Date.now()): string[] {
  const { coverage, damage } = result;
  const nowNs = BigInt(Math.floor(nowMs)) * 1_000_000n;
  return [
    ...named(coverage?.gaps ?? [], (gap) => gapText(gap, result, nowNs), "gaps"),
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

function gapText(gap: CoverageGap, { coverage, window }: FetchResult, nowNs: bigint): string {
  const { startNs, endNs, reason } = gap;
  const [start, end] = [formatTime(startNs), formatTime(endNs)];
  const { oldestPacketNs, newestPacketNs } = coverage ?? {};
  switch (reason) {
    case "aged-out":
      if (endNs < window.endNs) return `the sensor has nothing before ${end} (asked from ${start})`;
      // Another capture thread's oldest packet may be older than what this one lacks.
      return oldestPacketNs !== undefined && oldestPacketNs >= endNs
        ? `the sensor has nothing before ${formatTime(oldestPacketNs)}, its oldest packet (asked from ${start} to ${end})`
        : `the sensor has nothing that is so old (asked from ${start} to ${end})`;
    case "not-yet-written": {
      const isWhole = startNs === window.startNs && newestPacketNs !== undefined && newestPacketNs < startNs;
      const what = isWhole
        ? `not on disk yet after ${formatTime(newestPacketNs)}, the sensor's newest packet (asked from ${start} to ${end})`
        : `not on disk yet after ${start} (asked up to ${end})`;
      return `${what}; ${whenToAsk(gap, nowNs)}`;
    }
    case "missing":
      return `the sensor has nothing from ${start} to ${end}: capture stopped, or files are missing`;
    case "unstated":
      return `the sensor has nothing from ${start} to ${end}, and does not say why`;
  }
}

function whenToAsk({ endNs, expectedAtNs }: CoverageGap, nowNs: bigint): string {
  if (endNs <= nowNs) {
    return `ask again ${expectedAtNs === undefined ? "in a few minutes" : `after ${formatTime(expectedAtNs)}`}`;
  }
  // Nothing is there before it is captured, whatever the server says.
  const dueNs = expectedAtNs !== undefined && expectedAtNs > endNs ? expectedAtNs : endNs;
  return `the window ends in the future: ask again after ${formatTime(dueNs)}`;
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
