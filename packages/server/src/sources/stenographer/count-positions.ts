import { SourceError } from "../packet-source.js";
import type { DaemonFile } from "./daemon-files.js";
import type { StenographerConnection } from "./stenographer-connection.js";

/**
 * How many packets the daemon's index has for a query, over the files it may take: what its answer should come to.
 *
 * /debug/tN/positions evaluates the query, its times included, as /query does, and lists a position a line. Undefined where
 * it says ALL: a query by time alone takes whole files, which the index does not count. A file that ages out meanwhile
 * counts nothing.
 *
 * @throws SourceError
 */
export async function countPositions(
  daemon: StenographerConnection,
  query: string,
  files: readonly DaemonFile[],
  signal: AbortSignal,
): Promise<number | undefined> {
  let count = 0;
  for (const { thread, name } of files) {
    const positions = daemon.query(query, signal, `/debug/t${thread}/positions?name=${name}`);
    const found = await countIn(positions).catch(zeroIfGone);
    if (found === undefined) return undefined;
    count += found;
  }
  return count;
}

function zeroIfGone(error: unknown): number {
  if (error instanceof SourceError && error.details.status === 404) return 0;
  throw error;
}

const newline = 0x0a;
/** "POSITIONS:", then lines of a tab and eight digits of hex; or a tab and "ALL" without an end of line. */
const heading = "POSITIONS:\n";
/** As many of an answer's first bytes tell which of them it is, and what it is where it is none. */
const tellingBytes = 20;

async function countIn(body: AsyncIterable<Uint8Array>): Promise<number | undefined> {
  let lines = 0;
  let start = "";
  for await (const piece of body) {
    if (start.length < tellingBytes) start += Buffer.from(piece.subarray(0, tellingBytes)).toString("latin1");
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, at + 1)) lines++;
  }
  if (start === `${heading}\tALL`) return undefined;
  if (start.startsWith(heading)) return lines - 1;
  throw new SourceError("source-failed", "Stenographer's list of positions can't be read", {
    details: { start: start.slice(0, 40) },
  });
}
