import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { DescribeSensorRequest, DescribeSensorResponseSchema } from "@stenogrpc/protocol";
import { orAbort } from "./abortable.js";
import { limitsFor } from "./access/role.js";
import { RequestRecord } from "./audit/request-record.js";
import type { SensorService } from "./sensor-service.js";
import { msToDuration, nsToTimestamp } from "./timestamps.js";
import { toConnectError } from "./to-connect-error.js";
import { serverVersion } from "./version.js";

/** Answers what the sensor is, what limits are in force for whoever asks, and which time range its packets cover. */
export function describeSensor(service: SensorService) {
  return async (
    _request: DescribeSensorRequest,
    context: HandlerContext,
  ): Promise<MessageInitShape<typeof DescribeSensorResponseSchema>> => {
    const record = new RequestRecord(service, "DescribeSensor", context.values);
    try {
      record.permit = await service.permit("DescribeSensor", context);
      const { oldestPacketNs, newestPacketNs } = await orAbort(
        service.source.describe(context.signal),
        context.signal,
      );
      const limits = limitsFor(record.permit.role, service.limits);
      await record.succeeded();
      return {
        sensor: service.sensor,
        version: serverVersion,
        source: service.source.kind,
        oldestPacket: oldestPacketNs === undefined ? undefined : nsToTimestamp(oldestPacketNs),
        newestPacket: newestPacketNs === undefined ? undefined : nsToTimestamp(newestPacketNs),
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
    } catch (error) {
      const failure = await record.refusal(toConnectError(error));
      service.logger.error(
        { rpc: "DescribeSensor", error: failure.rawMessage, err: failure.cause },
        "description failed",
      );
      throw failure;
    }
  };
}
