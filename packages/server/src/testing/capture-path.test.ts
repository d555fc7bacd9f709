import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OptionsError } from "@stenogrpc/options";
import { pcapOf } from "@stenogrpc/testkit";
import { expect, it } from "vitest";
import { fetchWhole } from "../../test-support/sensor-with-clients.js";
import { clientBy } from "../../test-support/ways.js";
import { startTestSensor } from "./test-sensor.js";

const capture = pcapOf([{ timestampNs: 1_700_000_000_000_000_000n, data: new Uint8Array(60) }]);
const window = { epochStart: 1_700_000_000n, epochEnd: 1_700_000_000n };

async function packetsOf(given: string | Uint8Array): Promise<bigint | undefined> {
  await using sensor = await startTestSensor({ capture: given });
  const client = clientBy("gRPC, answered directly", sensor.clientOptions);
  return (await fetchWhole(client, window)).summary?.packets;
}

it("serves a capture from its bytes, and from its path", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stenogrpc-test-sensor-"));
  try {
    await writeFile(join(folder, "alert.pcap"), capture);
    expect(await packetsOf(capture)).toBe(1n);
    expect(await packetsOf(join(folder, "alert.pcap"))).toBe(1n);
    await expect(packetsOf(join(folder, "none.pcap"))).rejects.toMatchObject({ code: "ENOENT" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

it.each([undefined, 5, {}])("refuses %j for a capture at once", async (given) => {
  const starting = startTestSensor({ capture: given as never }); // wrong on purpose
  await expect(starting).rejects.toThrow(OptionsError);
  await expect(starting).rejects.toThrow("capture: must be the path of a capture, or its bytes");
});
