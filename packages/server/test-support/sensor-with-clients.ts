import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { type ClientCertificateOptions, createCertificateAuthority } from "@stenogrpc/certs";
import type { Response, StenoRequestSchema } from "@stenogrpc/protocol";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import type { SensorOptions } from "../src/sensor-service.js";
import { createStenographerServer } from "../src/server.js";
import { clientBy, closeAll, type SensorClient, type Way } from "./ways.js";

/** A real server on loopback, and clients of it with certificates of their own. */
export async function startSensor(options: SensorOptions) {
  const authority = await createCertificateAuthority();
  const { certificate, privateKey } = await authority.issueServer({
    commonName: "sensor",
    hosts: ["127.0.0.1"],
  });
  const server = await createStenographerServer({
    sensor: "edge-1",
    ...options,
    host: "127.0.0.1",
    port: 0,
    tls: { ca: authority.certificate, cert: certificate, key: privateKey },
  });
  return {
    server,
    /** A client with a new certificate. */
    async connect(
      who: ClientCertificateOptions,
      way: Way = "gRPC, answered directly",
    ): Promise<SensorClient> {
      const identity = await authority.issueClient(who);
      const tls = { ca: authority.certificate, cert: identity.certificate, key: identity.privateKey };
      return clientBy(way, { server: `127.0.0.1:${server.port}`, tls });
    },
    [Symbol.asyncDispose]: () => closeAll([server]),
  };
}

/** A whole answer: its pcap bytes, and its last message. */
export async function fetchWhole(client: SensorClient, request: MessageInitShape<typeof StenoRequestSchema>) {
  const messages: Response[] = [];
  for await (const message of client.fetchPcap(request)) messages.push(message);
  const last = messages.at(-1);
  return {
    pcap: Buffer.concat(messages.map((message) => message.pcap)),
    status: last?.status,
    summary: last?.summary,
  };
}

/** How a call was refused. Throws where it was not. */
export async function refusalOf(call: Promise<unknown>) {
  const error = ConnectError.from(
    await call.then(
      () => {
        throw new Error("was not refused");
      },
      (error: unknown) => error,
    ),
  );
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    code: error.code,
    reason: error.findDetails(ErrorInfoSchema)[0]?.reason,
    message: error.rawMessage,
    retryAfterMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}
