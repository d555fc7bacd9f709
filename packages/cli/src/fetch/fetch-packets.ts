import { type FetchResult, manifestSuffix, type NodePcapFetch } from "@stenogrpc/client/node";
import { checkFilter } from "../ask/check-filter.js";
import { dialectOf, refuseForOriginal, retrievalQuery } from "../ask/client-query.js";
import { explainFailure } from "../ask/explain-failure.js";
import { openClient } from "../ask/open-client.js";
import { exitCode } from "../exit-codes.js";
import { refuseExisting, refuseSpecial, requireFolderOf } from "../io/files.js";
import { listenForInterruption } from "../io/interruption.js";
import { OutputError, writeOut } from "../io/stdout.js";
import type { RetrievalOptions } from "../options/retrieval-options.js";
import { parseWindow } from "../text/parse-window.js";
import { printable } from "../text/printable.js";
import { UsageError } from "../usage-error.js";
import { createProgress, type Progress } from "./progress.js";
import { exitCodeOf, resultText, savedJson } from "./result.js";

/** What the command line says. */
export interface FetchOptions extends RetrievalOptions {
  from: string;
  to: string;
  uid?: string;
  output?: string;
}

/** Fetches the packets of one window and filter into a file or to stdout, and tells the exit code. Throws UsageError. */
export async function fetchPackets(filter: string | undefined, options: FetchOptions): Promise<number> {
  const toStdout = options.output === "-";
  if (toStdout && options.json) throw new UsageError("--json writes to stdout, and so does -o -; choose one");
  if (toStdout && options.manifest) throw new UsageError("--manifest goes beside a file; -o - writes none");
  if (toStdout && process.stdout.isTTY)
    throw new UsageError("-o - would write bytes to the terminal; add a pipe or > FILE");
  if (filter?.trim() === "")
    throw new UsageError("the filter is empty; leave it out to fetch every packet in the window");
  const window = parseWindow(options.from, options.to);
  if (options.output && !toStdout) await checkTarget(options.output, options);
  const { client, originalServer } = await openClient(options);
  await using _ = client;
  if (originalServer) refuseForOriginal(options);
  if (filter !== undefined) checkFilter(filter, dialectOf(options, originalServer));
  using interruption = listenForInterruption();

  const progress = createProgress(process.stderr, { quiet: options.quiet });
  let file = options.output;
  let result: FetchResult;
  try {
    const fetch = client.fetchPcap({
      filter,
      ...retrievalQuery(window, options),
      uid: options.uid,
      signal: interruption.signal,
    });
    file ??= `${fetch.uid}.pcap`;
    if (!options.output) await checkTarget(file, options);
    result = toStdout
      ? await copyToStdout(fetch, progress)
      : await fetch.toFile(file, {
          overwrite: options.overwrite ?? false,
          manifest: options.manifest,
          onProgress: progress.update,
        });
  } catch (error) {
    progress.end();
    return await report(error, interruption.code, options);
  }
  progress.end();
  if (options.json) return await printResult(result, file);
  if (options.quiet) {
    for (const fact of result.shortcomings) process.stderr.write(`stenogrpc: warning: ${printable(fact)}\n`);
  } else {
    const text = resultText(result, toStdout ? "stdout" : file, options.anyVlan);
    process.stderr.write(`${text}\n`);
  }
  return exitCodeOf(result);
}

async function printResult(result: FetchResult, file: string): Promise<number> {
  try {
    await writeOut(`${JSON.stringify(savedJson(result, file))}\n`);
    return exitCodeOf(result);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    process.stderr.write(
      `stenogrpc: ${file} is in place, but its result could not be printed: ${error.message}\n`,
    );
    return exitCode.failed;
  }
}

async function copyToStdout(fetch: NodePcapFetch, progress: Progress): Promise<FetchResult> {
  let bytes = 0;
  return fetch.forEachPiece(async (piece) => {
    await writeOut(piece);
    bytes += piece.byteLength;
    progress.update({ bytes });
  });
}

async function report(
  error: unknown,
  interrupted: number | undefined,
  options: FetchOptions,
): Promise<number> {
  if (error instanceof UsageError) throw error;
  // First, since Ctrl-C ends the reader of a pipe as well.
  if (interrupted !== undefined) {
    const kept = options.output === "-" ? "what standard output got is not whole" : "nothing was kept";
    process.stderr.write(`stenogrpc: interrupted; ${kept}\n`);
    return interrupted;
  }
  if (error instanceof OutputError) {
    const what = error.kind === "reader-left" ? " before the last packet" : "; what it got is not whole";
    process.stderr.write(`stenogrpc: ${error.message}${what}\n`);
    return exitCode.failed;
  }
  const failure = explainFailure(error);
  process.stderr.write(`stenogrpc: ${failure.text}\n`);
  if (options.json) {
    await writeOut(`${JSON.stringify({ verdict: "failed", reason: failure.reason, error: failure.text })}\n`);
  }
  return failure.exitCode;
}

async function checkTarget(file: string, options: FetchOptions): Promise<void> {
  await requireFolderOf(file);
  await refuseSpecial(file);
  if (options.overwrite) return;
  await refuseExisting(file);
  if (options.manifest) await refuseExisting(`${file}${manifestSuffix}`);
}
