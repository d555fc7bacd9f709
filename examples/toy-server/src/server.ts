// The toy server of the Python prototype: the same flag, the same YAML.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createStenographerServer, directorySource, stenoreadSource } from "@stenogrpc/server";
import { pino } from "pino";
import { parse } from "yaml";

interface Config {
  root_certificate: string;
  private_key: string;
  certificate_chain: string;
  port?: number;
  /** Retrievals at once. */
  workers?: number;
  /** The prototype slept that long in its main loop. Nothing here has to. */
  sleep?: number;
  /** Not the prototype's: a folder of captures to serve, on a machine without Stenographer. */
  captures?: string;
}

const { values } = parseArgs({ options: { config: { type: "string", short: "c" } } });
if (values.config === undefined) {
  console.error("usage: toy-server -c server.yaml");
  process.exit(2);
}
const file = values.config;
const config: Config = parse(readFileSync(file, "utf8"));
const besideConfig = (path: string) => resolve(dirname(file), path);
const pem = (path: string) => readFileSync(besideConfig(path));

const logger = pino();

await using server = await createStenographerServer({
  source:
    config.captures === undefined
      ? stenoreadSource()
      : directorySource({ path: besideConfig(config.captures), logger }),
  tls: {
    ca: pem(config.root_certificate),
    cert: pem(config.certificate_chain),
    key: pem(config.private_key),
  },
  port: config.port,
  limits: { concurrency: config.workers },
  logger,
});

logger.info(`Fetch from port ${server.port}; Ctrl-C ends it`);
// Ctrl-C or `kill` ends the wait; leaving the scope lets retrievals under way end, and closes everything.
await new Promise((stop) => process.once("SIGINT", stop).once("SIGTERM", stop));
