import { type FetchResult, formatTime, resultJson, uncoveredText } from "@stenogrpc/client/node";
import { exitCode } from "../exit-codes.js";
import { filterText } from "../text/filter-text.js";
import { counted, formatCount, formatSize } from "../text/format.js";
import { printable } from "../text/printable.js";
import { remarks } from "./remarks.js";

/** The exit code that a result means. */
export function exitCodeOf(result: FetchResult): number {
  switch (result.verdict) {
    case "complete":
      return exitCode.complete;
    case "no-packets":
      return exitCode.noPackets;
    case "truncated":
      return exitCode.truncated;
    case "incomplete":
      return exitCode.incomplete;
  }
}

/** A result as it goes out as JSON. */
export function savedJson(result: FetchResult, file: string) {
  return { ...resultJson(result), file };
}

/**
 * A result in words, one fact a line.
 *
 * @param throughTags the filter looked through VLAN tags, as was asked for
 */
export function resultText(result: FetchResult, file: string, throughTags = false): string {
  const { firstPacketNs, lastPacketNs } = result;
  const lines = [
    `${headline(result)}: ${counted(result.packets, "packet")}, ${formatSize(result.pcapBytes)} in ${file}`,
  ];
  if (firstPacketNs !== undefined && lastPacketNs !== undefined) {
    lines.push(`  from   ${formatTime(firstPacketNs)} to ${formatTime(lastPacketNs)}`);
  }
  if (result.filter !== "") {
    lines.push(`  filter ${filterText(result.filter, result.filterDialect, throughTags)}`);
  }
  lines.push(`  sha256 ${result.sha256}`);
  const origin = result.sensor ? `sensor ${printable(result.sensor)} (${printable(result.source)}), ` : "";
  lines.push(`  ${origin}uid ${result.uid}`);
  if (result.verification === "structure-only") {
    lines.push("  note   an original server: form checked, completeness not (it sends no summary)");
  }
  // Once: it may be what the headline says.
  const shortcomings = result.shortcomings.filter((fact) => fact !== headline(result));
  for (const fact of shortcomings) lines.push(`  warning ${printable(fact)}`);
  for (const fact of remarks(result)) lines.push(`  note   ${fact}`);
  const warnings = result.warnings.filter((warning) => !result.shortcomings.includes(warning));
  for (const warning of warnings) lines.push(`  note   ${printable(warning)}`);
  return lines.join("\n");
}

/** Why a truncated answer ended, for where its shortcomings are too long. */
export function stoppedByText(result: Pick<FetchResult, "stoppedBy" | "packets">): string {
  switch (result.stoppedBy) {
    case "nothing":
      return "";
    case "max-bytes":
      return "the byte limit that was asked for";
    case "max-packets":
      return `the limit of ${formatCount(result.packets)} packets that was asked for`;
    case "server-limit":
      return "the server's own limit";
    case "budget":
      return "what the server gives you within an hour";
  }
}

function headline(result: FetchResult): string {
  switch (result.verdict) {
    case "complete":
      return "complete";
    case "no-packets":
      return noPackets(result);
    case "incomplete":
      return `incomplete, damage on the sensor cost packets that may have matched${
        result.stoppedBy === "nothing" ? "" : ", and a limit cut it"
      }`;
    case "truncated":
      // By what, its shortcomings say.
      return "truncated, there are more";
  }
}

function noPackets(result: FetchResult): string {
  const { policyFilter, coverage } = result;
  const uncovered = uncoveredText(result);
  if (uncovered !== undefined) return uncovered;
  const which = policyFilter === "" ? "no packets" : "no packets that your role may see";
  if (coverage?.gaps.length) return `${which} (nothing matches that the sensor has in the window)`;
  return policyFilter === ""
    ? `${which} (complete: nothing in the window matches)`
    : `${which} (nothing that it may see in the window matches)`;
}
