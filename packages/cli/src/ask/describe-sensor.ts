import { formatTime, type SensorDescription, timeJson } from "@stenogrpc/client/node";
import { exitCode } from "../exit-codes.js";
import { writeOut } from "../io/stdout.js";
import type { ConnectionOptions } from "../options/connection-options.js";
import { formatCount, formatDuration, formatSize } from "../text/format.js";
import { printable } from "../text/printable.js";
import { askServer } from "./ask-server.js";

/** What the command line says. */
export interface InfoOptions extends ConnectionOptions {
  json?: boolean;
}

/** Prints what a sensor says of itself, and tells the exit code. Throws UsageError. */
export async function describeSensor(options: InfoOptions): Promise<number> {
  const asked = await askServer(options, async ({ client, server }, signal) => ({
    server,
    sensor: await client.describeSensor({ signal }),
  }));
  if ("exitCode" in asked) return asked.exitCode;
  const { server, sensor } = asked.answer;
  await writeOut(options.json ? `${JSON.stringify(sensorJson(sensor))}\n` : sensorText(server, sensor));
  return exitCode.complete;
}

function sensorJson({ oldestPacketNs, newestPacketNs, serverTimeNs, limits, ...rest }: SensorDescription) {
  // JSON leaves undefined out; null says that there is none.
  const known = Object.fromEntries(Object.entries(limits).map(([key, value]) => [key, value ?? null]));
  return {
    ...rest,
    limits: known,
    oldestPacket: timeJson(oldestPacketNs),
    newestPacket: timeJson(newestPacketNs),
    serverTime: timeJson(serverTimeNs),
  };
}

function sensorText(server: string, sensor: SensorDescription): string {
  const { limits } = sensor;
  const or = <T>(value: T | undefined, format: (value: T) => string, none = "no limit") =>
    value === undefined ? none : format(value);
  const rows: [string, string][] = [
    ["sensor", printable(sensor.sensor)],
    ["server", `${server}, ${printable(sensor.version)}`],
    ["source", printable(sensor.source)],
    ["oldest packet", or(sensor.oldestPacketNs, formatTime, "not known")],
    ["newest packet", or(sensor.newestPacketNs, formatTime, "not known")],
    ["server's time", or(sensor.serverTimeNs, formatTime, "not known")],
    ["max bytes", or(limits.maxBytes, formatSize)],
    ["max packets", or(limits.maxPackets, formatCount)],
    ["max window", or(limits.maxWindowMs, formatDuration)],
    ["timeout", or(limits.timeoutMs, formatDuration)],
    ["at once", or(limits.concurrency, (n) => `${formatCount(n)} retrievals`)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(14)}${value}\n`).join("");
}
