import { Status, type StenoRequest } from "@stenogrpc/protocol";
import { describe, expect, it } from "vitest";
import { goodAnswer } from "../test-support/answers.js";
import { collect, hour, joined, noonNs, packetsFromNoon, second } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { clientOf, type Script } from "../test-support/in-memory.js";
import type { FetchPcapOptions } from "./index.js";

const capture = packetsFromNoon(5);

/** The original: pieces of chunk_size until max_size is counted off, cut there, and empty messages after the file's end. */
function originalServer(file: Uint8Array, sent = { messages: 0 }): Script {
  return async function* ({ request }: StenoRequest) {
    const chunkSize = Number(request?.chunkSize);
    const maxSize = Number(request?.maxSize);
    for (let at = 0; at < maxSize; at += chunkSize) {
      sent.messages++;
      yield { uid: request?.uid, pcap: file.subarray(at, Math.min(at + chunkSize, maxSize)) };
    }
  };
}

async function fetchFrom(script: Script, options: Partial<FetchPcapOptions> = {}) {
  const { client } = clientOf(script, { originalServer: true });
  const fetch = client.fetchPcap({ ...hour, uid: "u1", chunkBytes: 1024, ...options });
  const pieces = await collect(fetch);
  return { pieces, bytes: joined(pieces), result: await fetch.summary };
}

describe("an original server's answer", () => {
  it("is whole, and said to be checked in its form only", async () => {
    const { bytes, result } = await fetchFrom(originalServer(capture.bytes));
    expect(bytes).toEqual(capture.bytes);
    expect(result).toMatchObject({
      uid: "u1",
      verdict: "complete",
      stoppedBy: "nothing",
      verification: "structure-only",
      packets: 5,
      pcapBytes: capture.bytes.length,
      firstPacketNs: noonNs,
      lastPacketNs: noonNs + 4n * second + 4n,
    });
    expect(result.warnings).toEqual([expect.stringMatching(/sends no summary/)]);
  });

  it("is SUMMARY_MISSING to a client that was not told", async () => {
    const { client } = clientOf(({ request }) => [{ uid: request?.uid, pcap: capture.bytes }]);
    const failure = await failureOf(client.fetchPcap(hour).summary);
    expect(failure.reason).toBe("SUMMARY_MISSING");
  });

  it("ends with its first empty message, however many would follow", async () => {
    const sent = { messages: 0 };
    const { result } = await fetchFrom(originalServer(capture.bytes, sent));
    expect(result.verdict).toBe("complete");
    // 2 147 483 647 / 1024 would be two million.
    expect(sent.messages).toBeLessThan(20);
  });

  it.each([1, 7, 16, 24, 25, 40, 100, 101])(
    "is cut to whole records when it comes %s bytes at a time",
    async (size) => {
      const script: Script = async function* ({ request }) {
        for (let at = 0; at < capture.bytes.length; at += size) {
          yield { uid: request?.uid, pcap: capture.bytes.subarray(at, at + size) };
        }
        yield { uid: request?.uid };
      };
      const { bytes } = await fetchFrom(script);
      expect(bytes).toEqual(capture.bytes);
    },
  );

  it("that max_size cut inside a record is truncated, without the cut record", async () => {
    const maxBytes = 24 + 76 * 2 + 30;
    const { bytes, result } = await fetchFrom(originalServer(capture.bytes), { maxBytes });
    expect(bytes).toEqual(capture.bytes.subarray(0, 24 + 76 * 2));
    expect(result).toMatchObject({ verdict: "truncated", stoppedBy: "max-bytes", packets: 2 });
  });

  it("that fills max_size to the byte is called truncated, since more may have followed", async () => {
    const { result } = await fetchFrom(originalServer(capture.bytes), { maxBytes: capture.bytes.length });
    expect(result).toMatchObject({ verdict: "truncated", stoppedBy: "max-bytes", packets: 5 });
  });

  it("never exceeds maxBytes, also when the server overshoots it", async () => {
    const script: Script = ({ request }) => [{ uid: request?.uid, pcap: capture.bytes }];
    const { bytes, result } = await fetchFrom(script, { maxBytes: 200 });
    expect(bytes).toEqual(capture.bytes.subarray(0, 24 + 76 * 2));
    expect(result).toMatchObject({ verdict: "truncated", stoppedBy: "max-bytes" });
  });

  it("is limited to maxPackets here, which the original does not know", async () => {
    const { result } = await fetchFrom(originalServer(capture.bytes), { maxPackets: 2 });
    expect(result).toMatchObject({ verdict: "truncated", stoppedBy: "max-packets", packets: 2 });
    expect(result.shortcomings).toEqual([
      expect.stringMatching(/^the packet limit .* cut the answer after 2 packets/),
    ]);
    expect((await fetchFrom(originalServer(capture.bytes), { maxPackets: 5 })).result.verdict).toBe(
      "complete",
    );
  });

  it("is trimmed to the exact window here, since the original hands out what stenoread gave", async () => {
    const window = { from: noonNs + second, to: noonNs + 3n * second + 3n };
    const { bytes, result } = await fetchFrom(originalServer(capture.bytes), window);
    expect(bytes).toEqual(joined([capture.header, capture.records[1]!, capture.records[2]!])); // it has five
    expect(result).toMatchObject({
      packets: 2,
      recordsSeen: 5,
      recordsOutsideWindow: 3,
      verdict: "complete",
    });
  });

  it("without packets is a valid, empty pcap", async () => {
    const { bytes, result } = await fetchFrom(originalServer(capture.header));
    expect(bytes).toEqual(capture.header);
    expect(result).toMatchObject({ verdict: "no-packets", packets: 0 });
  });
});

describe("an original server that fails without saying so", () => {
  const failureFrom = (script: Script) => failureOf(() => fetchFrom(script));

  it("is found out when its file is empty", async () => {
    const failure = await failureFrom(originalServer(new Uint8Array(0)));
    expect(failure).toMatchObject({ reason: "MALFORMED_ANSWER", uid: "u1" });
    expect(failure.message).toMatch(/file is empty.*stenoread failed/);
  });

  it("is found out when its file ends inside a record", async () => {
    const failure = await failureFrom(originalServer(capture.bytes.subarray(0, 150)));
    expect(failure.reason).toBe("MALFORMED_ANSWER");
    expect(failure.message).toMatch(/ends inside a packet record: 50 of 76 bytes at byte 100/);
  });

  it("is found out when its file is no capture", async () => {
    const failure = await failureFrom(
      originalServer(new TextEncoder().encode("tcpdump: unknown file format")),
    );
    expect(failure.message).toMatch(/no valid pcap/);
  });

  it("is found out when it answers for another retrieval", async () => {
    const failure = await failureFrom(() => [{ uid: "other", pcap: capture.bytes }]);
    expect(failure.message).toMatch(/carries the uid "other"/);
  });

  it("is no original when it sends a status", async () => {
    const failure = await failureFrom((request) => goodAnswer(request, capture));
    expect(failure.reason).toBe("MALFORMED_ANSWER");
    expect(failure.message).toMatch(/leave out originalServer/);
    const early = await failureFrom(({ request }) => [{ uid: request?.uid, status: Status.TRUNCATED }]);
    expect(early.message).toMatch(/leave out originalServer/);
  });
});
