import type { MemoryUse } from "./target.js";

/** What came of all runs of one scenario. */
export interface ScenarioReport {
  runs: number;
  right: number;
  /** What the client said, and how often. */
  readonly said: Record<string, number>;
  /** Runs after which something was left over or the next request went wrong. */
  leaks: number;
  /** Until the next request was answered, in milliseconds. */
  worstRecoveryMs: number;
}

/** What came of a campaign. */
export interface CampaignReport {
  readonly seed: number;
  readonly runs: number;
  readonly failed: number;
  readonly seconds: number;
  readonly scenarios: Readonly<Record<string, ScenarioReport>>;
  readonly memory: Readonly<Record<string, MemoryUse>>;
}

/** As tables of Markdown. */
export function renderReport({ scenarios, memory }: CampaignReport): string {
  const MiB = (bytes: number): string => String(Math.round(bytes / 2 ** 20));
  return [
    table(
      ["scenario", "runs", "right", "what the client said", "leaks", "worst recovery, ms"],
      Object.entries(scenarios).map(([name, { runs, right, said, leaks, worstRecoveryMs }]) => [
        name,
        String(runs),
        String(right),
        Object.entries(said)
          .sort(([, a], [, b]) => b - a)
          .map(([what, times]) => `${what} ${times}`)
          .join(", "),
        String(leaks),
        worstRecoveryMs.toFixed(0),
      ]),
    ),
    table(
      ["server", "MiB after the first answer", "after the last", "peak"],
      Object.entries(memory)
        .filter(([, { floor }]) => floor > 0)
        .map(([name, { floor, last, peak }]) => [name, MiB(floor), MiB(last), MiB(peak)]),
    ),
  ].join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
