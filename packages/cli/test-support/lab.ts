import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { emptyFrameBytes, type TestPacket, writeCapture } from "./captures.js";

/** 2026-01-02T03:04:05Z, the time of the first packet. */
export const startSeconds = 1_767_323_045;

/** Twenty packets, one a second, every other one DNS. */
export const packets = Array.from(
  { length: 20 },
  (_, i): TestPacket => ({
    timestampNs: BigInt(startSeconds + i) * 1_000_000_000n + BigInt(i),
    source: "10.0.0.5",
    destination: `10.0.1.${i}`,
    port: i % 2 === 0 ? 53 : 123,
  }),
);

/** Bytes of one of them in a capture, record header included. */
export const packetBytes = 16 + emptyFrameBytes;

/** Options for a window that holds them all. */
export const window = ["--from", "2026-01-02T03:04:05Z", "--to", "2026-01-02T03:04:25Z"];

/** Settings of a server over the lab's captures, to lie in pki/ beside the certificates. */
export const labYaml = `root_certificate: ca.crt
private_key: server.key
certificate_chain: server.crt
host: 127.0.0.1
port: 0
sensor: lab
source: { kind: directory, path: ../captures }
limits: { max_window: 1d, timeout: 1m }
`;

/** The command line of a batch whose requests lie in a folder, and whose captures go to case/ in it. */
export function batchIn(folder: string, address: string): string[] {
  const asked = ["-c", "pki/client.yaml", "-s", address];
  return ["batch", ...asked, "-r", `${folder}/requests.csv`, "-o", `${folder}/case`];
}

/** Writes the packets as captures/a.pcap and tells its bytes. */
export function writeLabCapture(folder: string): Buffer {
  mkdirSync(join(folder, "captures"));
  return writeCapture(join(folder, "captures", "a.pcap"), packets);
}

/** The capture's bytes with the chosen packets only. */
export function only(capture: Buffer, chosen: (packet: TestPacket, index: number) => boolean): Buffer {
  const kept = packets.flatMap((packet, i) =>
    chosen(packet, i) ? [capture.subarray(24 + i * packetBytes, 24 + (i + 1) * packetBytes)] : [],
  );
  return Buffer.concat([capture.subarray(0, 24), ...kept]);
}
