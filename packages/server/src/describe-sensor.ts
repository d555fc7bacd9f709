import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { DescribeSensorRequest, DescribeSensorResponseSchema } from "@stenogrpc/protocol";
import { orAbort } from "./abortable.js";
import { limitsFor } from "./access/role.js";
import type { SensorService } from "./sensor-service.js";
import { msToDuration, nsToTimestamp } from "./timestamps.js";
import { answerCall } from "./unary-call.js";
import { serverVersion } from "./version.js";

/** Answers what the sensor is, what limits are in force for whoever asks, and which time range its packets cover. */
export function describeSensor(service: SensorService) {
  return (
    _request: DescribeSensorRequest,
    context: HandlerContext,
  ): Promise<MessageInitShape<typeof DescribeSensorResponseSchema>> =>
    answerCall(service, { rpc: "DescribeSensor", context }, async ({ permit }) => {
      const { signal } = context;
      const { oldestPacketNs, newestPacketNs } = await orAbort(service.source.describe(signal), signal);
      const limits = limitsFor(permit.role, service.limits);
      return {
        sensor: service.sensor,
        version: serverVersion,
        source: service.source.kind,
        oldestPacket: oldestPacketNs === undefined ? undefined : nsToTimestamp(oldestPacketNs),
        newestPacket: newestPacketNs === undefined ? undefined : nsToTimestamp(newestPacketNs),
        serverTime: nsToTimestamp(service.nowNs()),
        limits: {
          maxBytes: BigInt(limits.maxBytes ?? 0),
          maxPackets: BigInt(limits.maxPackets ?? 0),
          maxWindow: limits.maxWindowMs === undefined ? undefined : msToDuration(limits.maxWindowMs),
          timeout: msToDuration(limits.timeoutMs),
          concurrency: limits.concurrency,
          defaultChunkSize: limits.defaultChunkBytes,
          minChunkSize: limits.minChunkBytes,
          maxChunkSize: limits.maxChunkBytes,
        },
      };
    });
}
