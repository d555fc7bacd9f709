import { hostname } from "node:os";
import { OptionsError } from "@stenogrpc/options";
import {
  AuditError,
  createStenographerServer,
  type PacketSource,
  type StenographerServer,
} from "@stenogrpc/server";
import { destination, type Logger, pino } from "pino";
import { exitCode } from "../exit-codes.js";
import { errorCode } from "../io/error-code.js";
import { besideFile, type LoadedSettings, loadYaml } from "../settings/load-yaml.js";
import { type ServerSettings, serverSettings } from "../settings/server-settings.js";
import { settingsError } from "../settings/settings-error.js";
import { UsageError } from "../usage-error.js";
import { CertificateWatch } from "./certificate-watch.js";
import { listenForMetrics, type MetricsListener } from "./metrics-listener.js";
import { packetSource } from "./packet-source.js";
import { prettyLogLine } from "./pretty-log.js";
import { readServerTls, type ServerTls } from "./read-server-tls.js";

/** What the command line says. */
export interface ServeOptions {
  config: string;
  log: "pretty" | "json";
}

/** Serves a sensor until it is told to stop, and tells the exit code. Throws UsageError. */
export async function servePackets(options: ServeOptions): Promise<number> {
  const loaded = await loadYaml(options.config, serverSettings);
  const logger = createLogger(loaded.settings.log_level, options.log);
  const sensor = loaded.settings.sensor ?? hostname();
  const tls = await readServerTls(loaded);
  const { server, source } = await start(loaded, sensor, tls, logger);
  const metrics = await startMetrics(loaded, server, logger);
  const watch = watchCertificates(loaded, tls, server, logger);
  const address = server.host.includes(":") ? `[${server.host}]` : server.host;
  // Before anyone can read that it listens, and ask it to stop.
  const stopped = firstSignal(logger);
  process.stdout.write(
    `listening on ${address}:${server.port} sensor=${JSON.stringify(sensor)} source=${loaded.settings.source.kind}\n`,
  );
  const stopping = new AbortController();
  void warnIfUnreachable(source, logger, stopping.signal);
  await stopped;
  stopping.abort();
  watch.close();
  await server.close();
  await metrics?.[Symbol.asyncDispose]();
  return exitCode.complete;
}

/** Listens for what watches the server, if that is wanted; where it can't, nothing is served. */
async function startMetrics(
  { settings, file }: LoadedSettings<ServerSettings>,
  server: StenographerServer,
  logger: Logger,
): Promise<MetricsListener | undefined> {
  if (settings.metrics === undefined) return undefined;
  const { host, port } = settings.metrics;
  try {
    const listener = await listenForMetrics(server, settings.metrics);
    logger.info({ url: listener.url }, "metrics and health");
    return listener;
  } catch (error) {
    await server.close({ graceMs: 0 });
    throw cannotListen(`${file}: metrics`, `host ${host}, port ${port}`, error);
  }
}

async function start(
  loaded: LoadedSettings<ServerSettings>,
  sensor: string,
  tls: ServerTls,
  logger: Logger,
): Promise<{ server: StenographerServer; source: PacketSource }> {
  const { settings, file } = loaded;
  let source: PacketSource | undefined;
  try {
    source = packetSource(loaded, logger);
    const server = await createStenographerServer({
      sensor,
      source,
      tls,
      host: settings.host,
      port: settings.port,
      limits: {
        maxBytes: settings.limits.max_bytes,
        maxPackets: settings.limits.max_packets,
        maxWindowMs: settings.limits.max_window,
        timeoutMs: settings.limits.timeout,
        queue: settings.limits.queue && {
          length: settings.limits.queue.length,
          timeoutMs: settings.limits.queue.timeout,
        },
        idleTimeoutMs: settings.limits.idle_timeout,
        handshakeTimeoutMs: settings.limits.handshake_timeout,
        requestBodyTimeoutMs: settings.limits.request_body_timeout,
        connections: settings.limits.connections,
        connectionsPerAddress: settings.limits.connections_per_address,
        allowTimeOnlyQueries: settings.limits.allow_time_only_queries,
        concurrency: settings.workers,
      },
      access: settings.access,
      roles: settings.roles,
      ...(settings.audit && {
        audit: {
          file: besideFile(loaded, settings.audit.file),
          maxBytes: settings.audit.max_bytes,
          keep: settings.audit.keep,
          onFailure: settings.audit.on_failure,
        },
      }),
      logger,
    });
    return { server, source };
  } catch (error) {
    // A source may be at work from its beginning; without a server, no one else ends that.
    await source?.close?.();
    if (error instanceof OptionsError) throw settingsError(loaded, error);
    if (error instanceof AuditError)
      throw new UsageError(`${file}: audit: ${error.message}`, { cause: error });
    throw cannotListen(file, `host ${settings.host ?? "(any)"}, port ${settings.port}`, error);
  }
}

/** What an error means that was met while beginning to listen; another one as it is. */
function cannotListen(what: string, where: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === "EADDRINUSE" || code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return new UsageError(`${what}: cannot listen on ${where}: ${explain(code)}`, { cause: error });
  return error;
}

/** Says at once what each retrieval would say. A folder of captures looks through itself, and says so itself. */
async function warnIfUnreachable(source: PacketSource, logger: Logger, signal: AbortSignal): Promise<void> {
  if (source.kind === "directory") return;
  try {
    await source.describe(signal);
  } catch (error) {
    if (signal.aborted) return;
    const problem = error instanceof Error ? error.message : String(error);
    logger.warn(
      { source: source.kind, problem },
      "the packets can't be reached; each retrieval fails until they can",
    );
  }
}

/** Certificates that change in their files, or at SIGHUP, change in the server. */
function watchCertificates(
  loaded: LoadedSettings<ServerSettings>,
  inForce: ServerTls,
  server: StenographerServer,
  logger: Logger,
): CertificateWatch {
  const watch = new CertificateWatch({
    inForce,
    read: () => readServerTls(loaded),
    replace: (tls) => server.reload(tls),
    logger,
  });
  process.on("SIGHUP", () => void watch.reload());
  return watch;
}

function explain(code: string): string {
  switch (code) {
    case "EADDRINUSE":
      return "the port is taken; stop the other program, or choose another `port`";
    case "EACCES":
      return "not permitted; ports below 1024 are for root, choose a higher `port`";
    default:
      return "this machine has no such address; correct `host`, or leave it out for every address";
  }
}

function createLogger(level: ServerSettings["log_level"], form: ServeOptions["log"]): Logger {
  // Synchronous: the line about what went wrong must be out before the process is.
  const stderr = destination({ fd: 2, sync: true });
  if (form === "json") return pino({ level }, stderr);
  return pino({ level }, { write: (line) => void stderr.write(prettyLogLine(line)) });
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
function firstSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals): void => {
      if (asked) {
        logger.warn({ signal }, "stopping without waiting");
        process.exit(signal === "SIGINT" ? exitCode.interrupted : exitCode.terminated);
      }
      asked = true;
      logger.info({ signal }, "stopping after the retrievals under way; a second signal does not wait");
      resolve();
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
}
