import type { QueryExplanation } from "@stenogrpc/client";
import { formatTime } from "@stenogrpc/client";
import { planFilter, printFilter, resolveTimes } from "@stenogrpc/query";
import { exitCode } from "../exit-codes.js";
import { writeOut } from "../io/stdout.js";
import type { ConnectionOptions } from "../options/connection-options.js";
import type { QueryOptions } from "../options/query-options.js";
import { counted, formatSize } from "../text/format.js";
import { parseWindow } from "../text/parse-window.js";
import { printable } from "../text/printable.js";
import { UsageError } from "../usage-error.js";
import type { Asked } from "./ask-server.js";
import { checkFilter } from "./check-filter.js";
import { clientQuery, dialectOf, refuseForOriginal } from "./client-query.js";

/** What the command line says. */
export interface CheckOptions extends QueryOptions {
  from: string;
  to: string;
  config?: string;
  server?: string;
  timeout?: number;
  json?: boolean;
}

/** What is known of a filter: here all but the server's part, which only a server knows. */
type Explanation = Omit<QueryExplanation, "source" | "sensor" | "usesIndex"> &
  Partial<Pick<QueryExplanation, "source" | "sensor" | "usesIndex">> & {
    /** All that Stenographer is asked, times included. */
    readonly query?: string;
  };

/** Prints how a filter is read, what is asked for it, and with a server what it costs. Throws UsageError. */
export async function explainFilter(text: string, options: CheckOptions): Promise<number> {
  const nowMs = Date.now();
  const window = parseWindow(options.from, options.to, nowMs);
  const { config } = options;
  if (config !== undefined) {
    const asked = await askForExplanation(text, window, { ...options, config });
    if ("exitCode" in asked) return asked.exitCode;
    await print(asked.answer, options);
    return exitCode.complete;
  }
  for (const option of ["server", "nanoseconds", "reason"] as const) {
    if (options[option]) throw new UsageError(`${flags[option]} is for a server; name one with -c FILE`);
  }
  await print(explainHere(text, window, options, BigInt(nowMs) * 1_000_000n), options);
  return exitCode.complete;
}

async function print(explanation: Explanation, { json = false, anyVlan = false }: CheckOptions) {
  await writeOut(json ? explanationJson(explanation, anyVlan) : explanationText(explanation, anyVlan));
}

/** Has a server explain what it would do for a filter. Throws UsageError. */
async function askForExplanation(
  filter: string,
  window: { startNs: bigint; endNs: bigint },
  options: ConnectionOptions & QueryOptions,
): Promise<Asked<QueryExplanation>> {
  const { askServer } = await import("./ask-server.js");
  return askServer(options, async ({ client, originalServer }, signal) => {
    if (originalServer) refuseForOriginal(options);
    checkFilter(filter, dialectOf(options, originalServer));
    return client.explain({ filter, ...clientQuery(window, options), signal });
  });
}

const flags = { server: "-s", nanoseconds: "--nanoseconds", reason: "--reason" } as const;

function explainHere(
  text: string,
  window: { startNs: bigint; endNs: bigint },
  options: CheckOptions,
  nowNs: bigint,
): Explanation {
  const filterDialect = dialectOf(options, false);
  const filter = checkFilter(text, filterDialect);
  const { index, query, residual, explanation } = planFilter(resolveTimes(filter, nowNs), {
    from: window.startNs,
    to: window.endNs,
    vlanTransparent: options.anyVlan,
    restoreVlanTags: options.restoreVlan,
  });
  return {
    filterDialect,
    filter: printFilter(filter),
    window,
    index: index ? printFilter(index) : "",
    residual: residual ? printFilter(residual) : "",
    query,
    explanation: [...explanation],
  };
}

function explanationJson(
  { window, cost, filterDialect, ...rest }: Explanation,
  vlanTransparent: boolean,
): string {
  const json = {
    ...rest,
    filterDialect: filterDialect ?? null,
    vlanTransparent,
    window: { start: formatTime(window.startNs), end: formatTime(window.endNs) },
    cost: cost ?? null,
  };
  return `${JSON.stringify(json)}\n`;
}

const languages = { pcap: "tcpdump's (pcap)", stenographer: "Stenographer's (stenographer)" } as const;

function explanationText(explanation: Explanation, anyVlan: boolean): string {
  const { filter, filterDialect, window, index, residual, query, cost, sensor, source, usesIndex } =
    explanation;
  const rows: [string, string][] = [
    ["filter", printable(filter) || "(every packet)"],
    ["language", `${languages[filterDialect ?? "pcap"]}${anyVlan ? ", through VLAN tags" : ""}`],
    ["window", `${formatTime(window.startNs)} to ${formatTime(window.endNs)}, the end not included`],
    ["index", indexText(printable(index), usesIndex)],
    ["matched", printable(residual) || "nothing but the time"],
  ];
  if (query !== undefined) rows.push(["stenographer", printable(query)]);
  for (const [i, fact] of explanation.explanation.entries())
    rows.push([i === 0 ? "because" : "", printable(fact)]);
  if (sensor !== undefined) rows.push(["sensor", `${printable(sensor)} (${printable(source ?? "")})`]);
  if (usesIndex !== undefined) {
    rows.push([
      "cost",
      cost ? `${counted(cost.files, "file")}, ${formatSize(cost.bytes)} at most` : "not known",
    ]);
  }
  return rows.map(([name, value]) => `${name.padEnd(14)}${value}\n`).join("");
}

function indexText(index: string, usesIndex: boolean | undefined): string {
  if (usesIndex === false) return "none: every packet of the files that touch the window is read";
  return index || "can't help: every packet in the window is read";
}
