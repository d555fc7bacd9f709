import { create } from "@bufbuild/protobuf";
import { ResponseSchema } from "@stenogrpc/protocol";
import { describe, expect, it } from "vitest";
import { goodAnswer } from "../test-support/answers.js";
import { hour, joined, packetsFromNoon } from "../test-support/capture.js";
import type { FetchCall } from "./answer-part.js";
import { planFetch } from "./fetch-options.js";
import { requestMessage } from "./request-message.js";
import { Retrieval } from "./retrieval.js";
import { createSha256 } from "./sha256.js";

const capture = packetsFromNoon(6);
const plan = planFetch({ ...hour, uid: "u1" }, {});

/** One message with all packets, in parts of `size` bytes whose memory is used again once given back, and the one with the summary. */
function partsOf(size: number, seen = { givenBack: 0 }): FetchCall {
  return async function* () {
    const { bytes } = capture;
    const messages = goodAnswer(requestMessage(plan), capture, { pieces: [bytes] });
    const { uid, status, summary } = create(ResponseSchema, messages.at(-1));
    for (let at = 0; at < bytes.length; at += size) {
      const pcap = bytes.slice(at, at + size);
      const giveBack = (): void => {
        seen.givenBack++;
        pcap.fill(0xee);
      };
      yield { pcap, ends: [], giveBack };
    }
    yield { pcap: new Uint8Array(0), ends: [{ at: 0, uid, status: 0, summary: undefined }] };
    yield { pcap: new Uint8Array(0), ends: [{ at: 0, uid, status, summary }] };
  };
}

function retrievalOf(size: number, seen?: { givenBack: number }): Retrieval {
  const call = partsOf(size, seen);
  return new Retrieval({
    plan,
    originalServer: false,
    createHash: createSha256,
    explainFailure: undefined,
    call: (signal, timeoutMs) => call(requestMessage(plan), { signal, timeoutMs }),
    onClientClose: () => () => {},
  });
}

describe("Retrieval", () => {
  it.each([1, 30, 100, 200, 1000])("hands out an answer that comes %i bytes at a time", async (size) => {
    const retrieval = retrievalOf(size);
    const pieces: Uint8Array[] = [];
    for await (const piece of retrieval) pieces.push(piece);
    expect(joined(pieces)).toEqual(capture.bytes);
    expect((await retrieval.result).packets).toBe(6);
  });

  it.each([1, 30, 100, 200, 1000])("has memory back from whoever reads %i bytes at a time", async (size) => {
    const seen = { givenBack: 0 };
    const pieces: Uint8Array[] = [];
    for await (const piece of retrievalOf(size, seen).lending()) {
      await new Promise((resolve) => setImmediate(resolve));
      pieces.push(piece.slice());
    }
    expect(joined(pieces)).toEqual(capture.bytes);
    expect(seen.givenBack).toBe(Math.ceil(capture.bytes.length / size));
  });

  it("leaves memory to whoever does not say that it can be had back", async () => {
    const seen = { givenBack: 0 };
    const pieces: Uint8Array[] = [];
    for await (const piece of retrievalOf(100, seen)) pieces.push(piece);
    expect(joined(pieces)).toEqual(capture.bytes);
    expect(seen.givenBack).toBe(0);
  });

  it("gives every piece, in order, also to pulls that do not wait for each other", async () => {
    const retrieval = retrievalOf(200);
    const pulled = await Promise.all(Array.from({ length: 20 }, () => retrieval.next()));
    const pieces = pulled.flatMap((next) => (next.done ? [] : [next.value]));
    expect(joined(pieces)).toEqual(capture.bytes);
    expect(pulled.at(-1)?.done).toBe(true);
    expect((await retrieval.result).verdict).toBe("complete");
  });
});
