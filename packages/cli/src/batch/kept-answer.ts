import { join } from "node:path";
import { type EvidenceVerification, verifyEvidence } from "@stenogrpc/client/node";
import { type FilterDialect, printFilter, resolveTimes } from "@stenogrpc/query";
import * as z from "zod";
import { checkFilter } from "../ask/check-filter.js";
import { hasCode } from "../io/error-code.js";
import { UsageError } from "../usage-error.js";
import { windowText } from "./read-requests.js";
import type { ResultLine } from "./results-csv.js";
import type { RowTask } from "./row-task.js";

const nsPerYear = 31_536_000_000_000_000n;
const count = z.string().regex(/^\d+$/).transform(Number);

/**
 * A line of results.csv whose row is done. What lacks packets for damage is not, nor what an hour's budget cut: asking again may
 * give more.
 */
const doneLine = z
  .object({
    uid: z.string().optional(),
    verdict: z.enum(["complete", "truncated", "no-packets"]),
    packets: count,
    bytes: count,
    sha256: z.string(),
    missing: z.string().transform((text) => text || null),
    stoppedBy: z.enum(["nothing", "max-bytes", "max-packets", "server-limit"]),
  })
  .refine(({ verdict, stoppedBy }) => (verdict === "truncated") === (stoppedBy !== "nothing"));

/** An answer of an earlier run that is kept. */
export type KeptAnswer = Readonly<z.output<typeof doneLine>>;

/**
 * What an earlier run's line says of a row, if that is done: the same was asked, and the capture is there as it was saved, with its
 * manifest where one is wanted. Undefined: the row is to be fetched.
 */
export async function keptAnswer(
  line: ResultLine | undefined,
  { row, file, folder, options, dialect, asked }: RowTask,
): Promise<KeptAnswer | undefined> {
  const isSameRequest =
    line?.filter === row.filter &&
    line.window === windowText(row) &&
    line.asked === asked &&
    line.file === file;
  if (!isSameRequest || dependsOnNow(row.filter, dialect)) return undefined;
  const answer = doneLine.safeParse(line).data;
  if (answer === undefined) return undefined;
  const capture = await readCapture(join(folder, file));
  const isUnchanged =
    capture?.isGood &&
    capture.sha256 === answer.sha256 &&
    capture.bytes === answer.bytes &&
    capture.packets === answer.packets;
  return isUnchanged && (capture.manifest || !options.manifest) ? answer : undefined;
}

/** Whether a filter asks for something else at another time ("after 45m ago"), or is none. */
function dependsOnNow(text: string, dialect: FilterDialect): boolean {
  if (text === "") return false;
  try {
    const filter = checkFilter(text, dialect);
    const [first, second] = [200n, 201n].map((years) => printFilter(resolveTimes(filter, years * nsPerYear)));
    return first !== second;
  } catch (error) {
    if (error instanceof UsageError) return true;
    throw error;
  }
}

async function readCapture(path: string): Promise<EvidenceVerification | undefined> {
  try {
    return await verifyEvidence(path);
  } catch (error) {
    if (hasCode(error)) return undefined; // it can't be read: fetching it anew says why, if that fails too
    throw error;
  }
}
