import { readFile } from "node:fs/promises";
import { createCertificateAuthority } from "@stenogrpc/certs";
import { OptionsError } from "@stenogrpc/options";
import type { SensorOptions } from "../sensor-service.js";
import type { StenographerServer } from "../server.js";
import { createStenographerServer } from "../server.js";
import { captureSource, type TestCaptureOptions } from "./capture-source.js";

/**
 * What startTestSensor takes: a capture, as the path of a file or its bytes, and how its sensor behaves, or any source; and what a sensor
 * takes besides.
 */
export type TestSensorOptions =
  | (Omit<TestCaptureOptions, "capture"> & {
      /** A pcap or pcapng file whose packets the sensor has: its path, or its bytes. */
      readonly capture: string | Uint8Array;
    } & Omit<SensorOptions, "source">)
  | SensorOptions;

/** A real server on loopback with certificates of its own. */
export interface TestSensor {
  /** What createStenographerClient needs to reach it. */
  readonly clientOptions: {
    /** "127.0.0.1:PORT" */
    readonly server: string;
    /** PEM. */
    readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  };
  /** The server itself. */
  readonly server: StenographerServer;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a real server on loopback, with throw-away certificates, for tests of what fetches from it.
 *
 * `await using sensor = await startTestSensor({ capture: "alert.pcap" })`, then
 * `createStenographerClient(sensor.clientOptions)`.
 *
 * @throws OptionsError, and the system's error where the capture can't be read
 */
export async function startTestSensor(options: TestSensorOptions): Promise<TestSensor> {
  const sensor = await sensorOptions(options);
  const authority = await createCertificateAuthority();
  const [serverIdentity, clientIdentity] = await Promise.all([
    authority.issueServer({ commonName: "test sensor", hosts: ["127.0.0.1", "localhost"] }),
    authority.issueClient({ commonName: "test client" }),
  ]);
  const server = await createStenographerServer({
    ...sensor,
    host: "127.0.0.1",
    port: 0,
    tls: { ca: authority.certificate, cert: serverIdentity.certificate, key: serverIdentity.privateKey },
  });
  const close = (): Promise<void> => server.close({ graceMs: 0 });
  return {
    clientOptions: {
      server: `127.0.0.1:${server.port}`,
      tls: {
        ca: authority.certificate,
        cert: clientIdentity.certificate,
        key: clientIdentity.privateKey,
      },
    },
    server,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function sensorOptions(options: TestSensorOptions): Promise<SensorOptions> {
  if (!("capture" in options)) return { sensor: "test", ...options };
  const { capture, shiftTo, gaps, fail, hang, ...rest } = options;
  const bytes: unknown = typeof capture === "string" ? await readFile(capture) : capture;
  if (!(bytes instanceof Uint8Array)) {
    throw new OptionsError(
      "startTestSensor: capture: must be the path of a capture, or its bytes (Uint8Array)",
    );
  }
  return { sensor: "test", ...rest, source: captureSource({ capture: bytes, shiftTo, gaps, fail, hang }) };
}
