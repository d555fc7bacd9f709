/**
 * A server in a process of its own. Takes its settings as JSON in the first argument, prints `{"port":N}` when it
 * listens and each log line as JSON after that; drains on SIGTERM.
 */
import { readFileSync } from "node:fs";
import { createSource, createStenographerServer, type Logger, type SourceConfig } from "@stenogrpc/server";

interface Settings {
  readonly source: SourceConfig;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly limits: Record<string, number>;
}

const settings: Settings = JSON.parse(process.argv[2] ?? "{}"); // written by start-server.ts
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

const { ca, cert, key } = settings.tls;
const server = await createStenographerServer({
  source: createSource(settings.source, { logger }),
  sensor: "real",
  host: "127.0.0.1",
  port: 0,
  tls: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) },
  limits: settings.limits,
  logger,
});
print({ port: server.port });
process.once("SIGTERM", () => void server.close({ graceMs: 1000 }));
