import type { FetchResult, PcapFetch } from "@stenogrpc/client/node";
import { Command } from "commander";
import { checkFilter } from "../check-filter.js";
import { type ConnectionOptions, openClient, withConnection } from "../connection.js";
import { exitCode } from "../exit-codes.js";
import { explainFailure } from "../explain-failure.js";
import { refuseExisting, requireFolderOf } from "../files.js";
import { listenForInterruption } from "../interruption.js";
import { parseWindow } from "../parse-window.js";
import { createProgress, type Progress } from "../progress.js";
import { exitCodeOf, resultJson, resultText } from "../result.js";
import { type RetrievalOptions, withRetrieval } from "../retrieval-options.js";
import { OutputClosedError, writeOut } from "../stdout.js";
import { UsageError } from "../usage-error.js";

interface FetchOptions extends ConnectionOptions, RetrievalOptions {
  from: string;
  to: string;
  uid?: string;
  output?: string;
}

/** `stenogrpc fetch`: the packets of one window and filter, in a file or on stdout. */
export function fetchCommand(): Command {
  const command = new Command("fetch")
    .description("fetch the packets of a time window that match a filter, and save them as pcap")
    .argument("[FILTER]", "Stenographer's language; without it, every packet in the window");
  withConnection(command)
    .requiredOption("--from <TIME>", "start of the window, included")
    .requiredOption("--to <TIME>", "end of the window, not included")
    .option("-o, --output <FILE>", 'file to write, or "-" for stdout (default: <uid>.pcap)')
    .option("--uid <UID>", "name of the retrieval in the server's log (default: a UUID)");
  return withRetrieval(command)
    .addHelpText(
      "after",
      `
A TIME is 2026-01-02T03:04:05Z (or with an offset), epoch seconds, now, or how long ago: 90s, 15m, 2h, 3d.
The file appears under its name only when it is whole and checked. Everything but data goes to stderr.

Exit code: 0 complete, 1 failed, 2 usage or bad filter, 3 no packets (an empty capture is written),
4 truncated by a limit, 130 Ctrl-C.

Examples:
  stenogrpc fetch -c client.yaml -s sensor-1:8443 --from 15m --to now 'host 10.0.0.5 and port 443'
  stenogrpc fetch -c client.yaml --from 2026-01-02T03:00:00Z --to 2026-01-02T03:05:00Z -o alert.pcap 'icmp'
  stenogrpc fetch -c client.yaml --from 1h --to now -o - 'port 53' | tcpdump -nr -`,
    )
    .action(async (filter: string | undefined, options: FetchOptions) => {
      process.exitCode = await fetchPackets(filter, options);
    });
}

async function fetchPackets(filter: string | undefined, options: FetchOptions): Promise<number> {
  const toStdout = options.output === "-";
  if (toStdout && options.json) throw new UsageError("--json writes to stdout, and so does -o -; choose one");
  if (toStdout && process.stdout.isTTY)
    throw new UsageError("-o - would write bytes to the terminal; add a pipe or > FILE");
  if (filter?.trim() === "")
    throw new UsageError("the filter is empty; leave it out to fetch every packet in the window");
  if (filter !== undefined) checkFilter(filter);
  const window = parseWindow(options.from, options.to);
  if (options.output && !toStdout) await checkTarget(options.output, options);
  const { client } = await openClient(options);
  await using _ = client;
  using interruption = listenForInterruption();

  const progress = createProgress(process.stderr, { quiet: options.quiet });
  try {
    const fetch = client.fetchPcap({
      from: window.startNs,
      to: window.endNs,
      filter,
      maxBytes: options.maxBytes,
      maxPackets: options.maxPackets,
      uid: options.uid,
      signal: interruption.signal,
    });
    const file = options.output ?? `${fetch.uid}.pcap`;
    if (!options.output) await checkTarget(file, options);
    const result = toStdout ? await copyToStdout(fetch, progress) : await save(fetch, file, progress);
    progress.end();
    if (options.json) await writeOut(`${JSON.stringify(resultJson(result, file))}\n`);
    else if (!options.quiet) process.stderr.write(`${resultText(result, toStdout ? "stdout" : file)}\n`);
    return exitCodeOf(result);
  } catch (error) {
    progress.end();
    return await report(error, interruption.code, options);
  }
}

async function save(fetch: PcapFetch, file: string, progress: Progress): Promise<FetchResult> {
  return fetch.toFile(file, {
    onProgress: (state) => progress.update({ packets: state.packets, bytes: state.bytes }),
  });
}

async function copyToStdout(fetch: PcapFetch, progress: Progress): Promise<FetchResult> {
  let bytes = 0;
  for await (const chunk of fetch) {
    await writeOut(chunk);
    bytes += chunk.byteLength;
    progress.update({ bytes });
  }
  return fetch.summary;
}

async function report(
  error: unknown,
  interrupted: number | undefined,
  options: FetchOptions,
): Promise<number> {
  if (error instanceof UsageError) throw error;
  if (error instanceof OutputClosedError) {
    process.stderr.write(`stenogrpc: ${error.message} before the last packet\n`);
    return exitCode.failed;
  }
  if (interrupted !== undefined) {
    process.stderr.write("stenogrpc: interrupted; nothing was kept\n");
    return interrupted;
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
  if (!options.overwrite) await refuseExisting(file);
}
