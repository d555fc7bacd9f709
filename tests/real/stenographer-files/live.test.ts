import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { FetchResult, NodeStenographerClient } from "@stenogrpc/client/node";
import {
  eventually,
  openFilesBelow,
  type PlainPacket,
  type RunningCapture,
  readPcap,
  startCapture,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorkplace, type Sensor, startSensor, type Workplace } from "../support/sensor.js";

const blockBytes = 1024 * 1024;
const fileAgeSeconds = 4;

/** An answer about everything so far, as the client had it. */
interface Answer {
  readonly result: FetchResult;
  readonly packets: readonly PlainPacket[];
}

/** The real stenotype captures, begins new files, and files are deleted by age, while our server reads them. */
describe("Stenographer's files while stenotype writes them", () => {
  let workplace: Workplace;
  let sensor: Sensor;
  let client: NodeStenographerClient;
  let capture: RunningCapture;
  let isCapturing = true;
  let sent: string[] = [];
  const beginNs = BigInt(Date.now()) * 1_000_000n;
  const folder = (name: "packets" | "index"): string => workplace.path(name);
  const names = (name: "packets" | "index"): string[] => readdirSync(folder(name)).sort();
  const finished = (): string[] => names("packets").filter((each) => !each.startsWith("."));

  beforeAll(async () => {
    workplace = await createWorkplace();
    for (const name of ["packets", "index", "work"]) mkdirSync(workplace.path(name));
    const pcap = workplace.path("sent.pcap");
    await writeSyntheticTraffic(pcap, { packets: 40_000, seed: 11 });
    sent = frames(readPcap(pcap));
    const threads = [{ packetsDirectory: folder("packets"), indexDirectory: folder("index") }];
    const flags = { fileAgeSeconds, blockAgeSeconds: 1 };
    sensor = await startSensor(workplace, {
      kind: "stenographer-files",
      threads,
      ...flags,
      readUnfinished: true,
    });
    client = sensor.connect();
    capture = await startCapture(
      {
        pcap,
        work: workplace.path("work"),
        packets: folder("packets"),
        index: folder("index"),
        fileAgeSeconds,
      },
      { packetsPerSecond: 3000 },
    );
    capture.done
      .finally(() => {
        isCapturing = false;
      })
      .catch(() => {}); // the test awaits it
  });

  afterAll(async () => {
    await client.close();
    await sensor.stop();
    await capture.stop();
    workplace.remove();
  });

  async function ask(whenItBegins: () => void = () => {}): Promise<Answer> {
    const fetch = client.fetchPcap({
      from: beginNs,
      to: BigInt(Date.now()) * 1_000_000n,
      timestampResolution: "nanoseconds",
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of fetch) {
      if (pieces.length === 0) whenItBegins();
      pieces.push(piece);
    }
    const result = await fetch.summary;
    const packets = readPcap(Buffer.concat(pieces));
    expect(result.verdict).toBe(packets.length === 0 ? "no-packets" : "complete");
    return { result, packets };
  }

  /** Until when an answer says that it has everything. */
  function coveredTo({ result }: Answer): bigint {
    const open = result.coverage?.gaps.find(({ reason }) => reason === "not-yet-written");
    return open?.startNs ?? result.window.endNs;
  }

  it("gives all there is up to the time that it names, before the first file is finished and over every change of file", async () => {
    const answers: Answer[] = [];
    let ofUnfinishedAlone = 0;
    while (isCapturing) {
      const answer = await ask();
      if (finished().length === 0) ofUnfinishedAlone = answer.packets.length;
      answers.push(answer);
      await pause(200);
    }
    await capture.done;
    const all = await ask();
    expect(frames(all.packets)).toEqual(sent);
    expect(finished().length).toBeGreaterThanOrEqual(3);
    expect(ofUnfinishedAlone).toBeGreaterThan(0);
    expect(new Set(answers.map(({ packets }) => packets.length)).size).toBeGreaterThan(5);
    for (const answer of answers) {
      const { packets, result } = answer;
      expect(frames(packets)).toEqual(sent.slice(0, packets.length));
      expect(packets.map(({ timestampNs }) => timestampNs)).toEqual(
        all.packets.slice(0, packets.length).map(({ timestampNs }) => timestampNs),
      );
      const to = coveredTo(answer);
      expect(all.packets.filter(({ timestampNs }) => timestampNs < to).length).toBeLessThanOrEqual(
        packets.length,
      );
      expect(result.damage).toEqual([]);
      expect(result.coverage?.gaps.filter(({ reason }) => reason === "missing")).toEqual([]);
    }
    // What it names keeps up: within a file's age and a block's of the time of asking.
    const last = answers.findLast(({ packets }) => packets.length > 0 && packets.length < sent.length);
    expect(last && coveredTo(last)).toBeGreaterThan(all.packets[sent.length >> 1]?.timestampNs ?? 0n);
  });

  it("reads to its end a file that is deleted under it, and says from the next answer on that it has aged out", async () => {
    const [oldest = "", second = ""] = finished();
    const path = join(folder("packets"), oldest);
    const count = packetsIn(path);
    expect(count).toBeGreaterThan(1000);
    const during = await ask(() => {
      rmSync(path);
      rmSync(join(folder("index"), oldest));
    });
    expect(frames(during.packets)).toEqual(sent);
    await eventually(
      () =>
        openFilesBelow(sensor.pid, workplace.folder).filter((each) => each.startsWith(folder("packets")))
          .length === 0,
      {
        what: "the end of reading a deleted file",
      },
    );
    const after = await ask();
    expect(frames(after.packets)).toEqual(sent.slice(count));
    const [gap] = after.result.coverage?.gaps ?? [];
    expect(gap).toMatchObject({ startNs: beginNs, reason: "aged-out" });
    expect(gap?.endNs).toBeLessThanOrEqual(BigInt(second) * 1000n);
    expect(gap?.endNs).toBeGreaterThan(during.packets[count - 1]?.timestampNs ?? 0n);
  });
});

function frames(packets: readonly PlainPacket[]): string[] {
  return packets.map(({ data }) => data.toString("base64"));
}

/** By the blocks' own counts: num_pkts of tpacket_hdr_v1, in linux/if_packet.h. */
function packetsIn(path: string): number {
  const bytes = readFileSync(path);
  let packets = 0;
  for (let block = 0; block < bytes.length; block += blockBytes) packets += bytes.readUInt32LE(block + 12);
  return packets;
}
