import { printFilter, resolveTimes, stenographerQuery } from "@stenogrpc/query";
import { checkFilter } from "./check-filter.js";
import { formatWhen } from "./parse-when.js";
import { parseWindow } from "./parse-window.js";
import { writeOut } from "./stdout.js";

/** What the command line says. */
export interface CheckOptions {
  from: string;
  to: string;
}

/** Prints how a filter is read and what goes to Stenographer for it. Throws UsageError. */
export async function explainFilter(text: string, options: CheckOptions): Promise<void> {
  const nowMs = Date.now();
  const filter = checkFilter(text);
  const window = parseWindow(options.from, options.to, nowMs);
  const resolved = resolveTimes(filter, BigInt(nowMs) * 1_000_000n);
  await writeOut(`filter        ${printFilter(filter)}
window        ${formatWhen(window.startNs)} to ${formatWhen(window.endNs)}, the end not included
stenographer  ${stenographerQuery(resolved, window)}
`);
}
