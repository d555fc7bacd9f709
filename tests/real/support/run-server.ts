/**
 * A server in a process of its own. Takes its settings as JSON in the first argument, prints `{"port":N}` when it
 * listens and each log line as JSON after that; drains on SIGTERM.
 */
import { readFileSync } from "node:fs";
import {
  createStenographerServer,
  directorySource,
  type Logger,
  type PacketSource,
  stenographerFilesSource,
  stenographerSource,
  stenoreadSource,
} from "@stenogrpc/server";
import type { SourceConfig } from "./source-config.js"; // types only: on dist this script runs without its neighbours

interface Settings {
  readonly source: SourceConfig;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly limits: Record<string, number>;
}

const settings: Settings = JSON.parse(process.argv[2] ?? "{}"); // written by sensor.ts
const print = (value: object): void => {
  const replacer = (_: string, each: unknown) => {
    if (typeof each === "bigint") return String(each);
    return each instanceof Error ? `${each.name}: ${each.message}` : each;
  };
  process.stdout.write(`${JSON.stringify(value, replacer)}\n`);
};
const log =
  (level: string) =>
  (fields: object, message?: string): void =>
    print({ level, message, ...fields });
const logger: Logger = { debug: () => {}, info: log("info"), warn: log("warn"), error: log("error") };

const sources = {
  stenoread: stenoreadSource,
  stenographer: stenographerSource,
  "stenographer-files": stenographerFilesSource,
  directory: (options: { path: string }) => directorySource({ ...options, logger }),
};
const { kind, ...sourceOptions } = settings.source;
const makeSource = sources[kind] as (options: object) => PacketSource; // SourceConfig holds kind and options together

const { ca, cert, key } = settings.tls;
const server = await createStenographerServer({
  source: makeSource(sourceOptions),
  sensor: "real",
  host: "127.0.0.1",
  port: 0,
  tls: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) },
  limits: settings.limits,
  logger,
});
print({ port: server.port });
process.once("SIGTERM", () => void server.close({ graceMs: 1000 }));
