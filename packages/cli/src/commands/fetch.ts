import { Command } from "commander";
import type { FetchOptions } from "../fetch/fetch-packets.js";
import { nameArgument } from "../options/arguments.js";
import { withConnection } from "../options/connection-options.js";
import { withRetrieval } from "../options/retrieval-options.js";

/** `stenogrpc fetch`: the packets of one window and filter, in a file or on stdout. */
export function fetchCommand(): Command {
  const command = new Command("fetch")
    .description("fetch the packets of a time window that match a filter, and save them as pcap")
    .argument(
      "[FILTER...]",
      "tcpdump's language, unless --dialect says otherwise, in quotes or not; without it, every packet in the window",
    );
  withConnection(command)
    .requiredOption("--from <TIME>", "start of the window, included")
    .requiredOption("--to <TIME>", "end of the window, not included")
    .option("-o, --output <FILE>", 'file to write, or "-" for stdout (default: <uid>.pcap)', nameArgument)
    .option("--uid <UID>", "name of the retrieval in the server's log (default: a UUID)");
  return withRetrieval(command)
    .addHelpText(
      "after",
      `
A TIME is 2026-01-02T03:04:05Z (or with an offset), epoch seconds, now, or how long ago: 90s, 15m, 2h, 3d.
Words of a filter that is not in quotes are joined by blanks; what the shell reads itself, such as ( ) & < > *, needs quotes.
The file appears under its name only when it is whole and checked. Everything but data goes to stderr. What the sensor
does not have of the window is told as a warning; with --require-coverage it is a failure.

Exit code: 0 complete, 1 failed, 2 usage or bad filter, 3 no packets (an empty capture is written),
4 truncated by a limit, 5 incomplete (damage on the sensor cost packets), 130 Ctrl-C, 129 SIGHUP, 143 SIGTERM.

Examples:
  stenogrpc fetch -c client.yaml -s sensor-1:8443 --from 15m --to now 'host 10.0.0.5 and port 443'
  stenogrpc fetch -c client.yaml --from 2026-01-02T03:00:00Z --to 2026-01-02T03:05:00Z -o alert.pcap 'icmp'
  stenogrpc fetch -c client.yaml --from 1h --to now --any-vlan 'tcp[tcpflags] & tcp-rst != 0 and src net 10.0.0.0/8'
  stenogrpc fetch -c client.yaml --from 1h --to now -o - 'port 53' | tcpdump -nr -`,
    )
    .action(async (words: string[], options: FetchOptions) => {
      const { fetchPackets } = await import("../fetch/fetch-packets.js");
      process.exitCode = await fetchPackets(words.length > 0 ? words.join(" ") : undefined, options);
    });
}
