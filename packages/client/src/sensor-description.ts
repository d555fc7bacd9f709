import type { DescribeSensorResponse } from "@stenogrpc/protocol";
import { timeJson } from "./result-json.js";
import { durationMs, timestampNs } from "./well-known-types.js";
import { withJson } from "./with-json.js";

/** A server's limits on one retrieval. Undefined where there is none. */
export interface SensorLimits {
  /** The most pcap bytes in an answer. */
  readonly maxBytes: number | undefined;
  /** The most packets in an answer. */
  readonly maxPackets: number | undefined;
  /** The longest window, in milliseconds. */
  readonly maxWindowMs: number | undefined;
  /** The longest a retrieval may take, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Retrievals at once, over all clients. */
  readonly concurrency: number | undefined;
  /** Bytes in one message when the client names none. */
  readonly defaultChunkBytes: number | undefined;
  /** Least bytes a client can ask for in one message. */
  readonly minChunkBytes: number | undefined;
  /** Most bytes a client can ask for in one message. */
  readonly maxChunkBytes: number | undefined;
}

/** What a sensor says of itself: a plain object, times in nanoseconds since the epoch. `JSON.stringify` prints them in RFC 3339. */
export interface SensorDescription {
  /** Name of the sensor, as configured on the server. */
  readonly sensor: string;
  /** Software and version: "stenogrpc/0.1.0". */
  readonly version: string;
  /** Kind of source: "stenoread", "stenographer", "directory", ... */
  readonly source: string;
  readonly limits: SensorLimits;
  /** Time of the oldest packet, where the source knows it. */
  readonly oldestPacketNs: bigint | undefined;
  /** Time of the newest packet, where the source knows it. */
  readonly newestPacketNs: bigint | undefined;
  /** The server's clock. Undefined: it does not say. */
  readonly serverTimeNs: bigint | undefined;
}

export function sensorDescription(response: DescribeSensorResponse): SensorDescription {
  const { limits } = response;
  const description: SensorDescription = {
    sensor: response.sensor,
    version: response.version,
    source: response.source,
    limits: {
      maxBytes: limitOrNone(limits?.maxBytes),
      maxPackets: limitOrNone(limits?.maxPackets),
      maxWindowMs: limits?.maxWindow && limitOrNone(durationMs(limits.maxWindow)),
      timeoutMs: limits?.timeout && limitOrNone(durationMs(limits.timeout)),
      concurrency: limitOrNone(limits?.concurrency),
      defaultChunkBytes: limitOrNone(limits?.defaultChunkSize),
      minChunkBytes: limitOrNone(limits?.minChunkSize),
      maxChunkBytes: limitOrNone(limits?.maxChunkSize),
    },
    oldestPacketNs:
      response.oldestPacket && timestampNs(response.oldestPacket, "the time of the oldest packet"),
    newestPacketNs:
      response.newestPacket && timestampNs(response.newestPacket, "the time of the newest packet"),
    serverTimeNs: response.serverTime && timestampNs(response.serverTime, "the server's time"),
  };
  return withJson(description, descriptionJson);
}

function descriptionJson({
  oldestPacketNs,
  newestPacketNs,
  serverTimeNs,
  limits,
  ...rest
}: SensorDescription) {
  return {
    ...rest,
    // JSON leaves undefined out; null says that there is none.
    limits: Object.fromEntries(Object.entries(limits).map(([limit, value]) => [limit, value ?? null])),
    oldestPacket: timeJson(oldestPacketNs),
    newestPacket: timeJson(newestPacketNs),
    serverTime: timeJson(serverTimeNs),
  };
}

/** A limit as a number. 0 on the wire means none, and beyond 2^53 it limits nothing either. */
function limitOrNone(value: bigint | number | undefined): number | undefined {
  const limit = Number(value ?? 0);
  return limit > 0 && limit <= Number.MAX_SAFE_INTEGER ? limit : undefined;
}
