// The toy fetcher of the Python prototype: the same flags, the same CSV, UID.pcap in the current directory for each row.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createStenographerClient, StenographerError } from "@stenogrpc/client/node";
import { parse as parseCsv } from "csv-parse/sync";
import { parse as parseYaml } from "yaml";

interface Config {
  root_certificate: string;
  private_key: string;
  certificate_chain: string;
}

/** Whole seconds since 1970, both included, and a filter. */
interface Row {
  epoch_start: string;
  epoch_end: string;
  bpf: string;
}

const { values } = parseArgs({
  options: {
    config: { type: "string", short: "c" },
    requests: { type: "string", short: "r" },
    server: { type: "string", short: "s" },
  },
});
const { config: file, requests, server } = values;
if (file === undefined || requests === undefined || server === undefined) {
  console.error("usage: toy-fetcher -c config.yaml -r requests.csv -s HOST:PORT");
  process.exit(2);
}
const config: Config = parseYaml(readFileSync(file, "utf8"));
const besideConfig = (path: string) => resolve(dirname(file), path);
const columns = ["epoch_start", "epoch_end", "bpf"];
const rows: Row[] = parseCsv(readFileSync(requests), { columns, trim: true });
if (rows[0]?.epoch_start === "epoch_start") rows.shift(); // a header line, which may be missing

await using client = createStenographerClient({
  server,
  tls: {
    ca: besideConfig(config.root_certificate),
    cert: besideConfig(config.certificate_chain),
    key: besideConfig(config.private_key),
  },
});

for (const { epoch_start, epoch_end, bpf } of rows) {
  const fetch = client.fetchPcap({
    from: Number(epoch_start),
    to: Number(epoch_end) + 1, // the CSV includes the last second, a window ends before its end
    filter: bpf,
    dialect: "stenographer", // as the prototype meant it; without this, tcpdump's language
  });
  try {
    const { path, verdict, packets } = await fetch.toFile(`${fetch.uid}.pcap`);
    console.log(`${path}: ${verdict}, ${packets} packets: ${bpf || "(every packet)"}`);
  } catch (error) {
    if (!(error instanceof StenographerError)) throw error;
    console.error(`${fetch.uid}: failed, ${error.reason}: ${error.message}`);
    process.exitCode = 1;
  }
}
