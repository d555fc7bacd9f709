import { describe, expect, it } from "vitest";
import { goodAnswer } from "../test-support/answers.js";
import { collect, hour, joined, packetsFromNoon } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { clientOf, type Script } from "../test-support/in-memory.js";
import type { PcapFetch } from "./pcap-fetch.js";

const capture = packetsFromNoon(3);
const good: Script = (request) => goodAnswer(request, capture);

/** Answers with the file header and then with nothing, until the call is cancelled. */
function stalling() {
  const seen = { canceled: false };
  const script: Script = async function* ({ request }, context) {
    context.signal.addEventListener("abort", () => {
      seen.canceled = true;
    });
    yield { uid: request?.uid, pcap: capture.header };
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  };
  return { script, seen };
}

describe("a fetch", () => {
  it("sends nothing before it is read", async () => {
    const { client, requests } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    fetch.records();
    client.fetchPcap(hour).toWebStream();
    await new Promise((resolve) => setImmediate(resolve));
    expect(requests).toEqual([]);
    await expect(fetch[Symbol.asyncDispose]()).resolves.toBeUndefined();
    expect(requests).toEqual([]);
  });

  it("is read once: the second reader is told so", async () => {
    const { client } = clientOf(good);
    const fetch = client.fetchPcap({ ...hour, uid: "u1" });
    await collect(fetch);
    for (const again of [() => collect(fetch), () => fetch.records(), () => fetch.toWebStream()]) {
      const failure = await failureOf(again);
      expect(failure).toMatchObject({ reason: "FETCH_ALREADY_USED", code: "failed_precondition", uid: "u1" });
      expect(failure.message).toMatch(/already being read \(async iteration\).*call fetchPcap again/);
    }
  });

  it("gives its pieces to a function, waits for it, and resolves with the result", async () => {
    const { client } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    const pieces: Uint8Array[] = [];
    let reading = 0;
    const result = await fetch.forEachPiece(async (piece) => {
      expect(++reading).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      pieces.push(piece.slice());
      reading--;
    });
    expect(joined(pieces)).toEqual(capture.bytes);
    expect(result).toMatchObject({ verdict: "complete", packets: 3, verification: "full" });
    expect(await fetch.summary).toBe(result);
  });

  it("is cancelled by an error of the function that reads its pieces", async () => {
    const { script, seen } = stalling();
    const { client } = clientOf(script);
    const fetch = client.fetchPcap(hour);
    const full = new Error("the disk is full");
    const reading = fetch.forEachPiece(() => Promise.reject(full));
    await expect(reading).rejects.toBe(full);
    expect((await failureOf(fetch.summary)).code).toBe("canceled");
    expect(seen.canceled).toBe(true);
  });

  it("refuses to give its pieces to what is no function, and can still be read", async () => {
    const { client } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    const failure = await failureOf(fetch.forEachPiece(undefined as never)); // as a program in JavaScript may
    expect(failure).toMatchObject({ reason: "OPTIONS_INVALID", message: "forEachPiece: pass a function" });
    expect(joined(await collect(fetch))).toEqual(capture.bytes);
  });

  it("gives its packets one after the other", async () => {
    const { client } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    const times: bigint[] = [];
    for await (const record of fetch.records()) {
      times.push(record.timestampNs);
      expect(record).toMatchObject({ capturedLength: 60, originalLength: 60, linkType: 1 });
    }
    expect(times).toEqual(capture.timesNs);
    expect((await fetch.summary).packets).toBe(3);
  });

  it.each<[string, (fetch: PcapFetch) => unknown]>([
    ["records()", (fetch) => fetch.records()[Symbol.asyncIterator]().return?.()],
    ["a loop", (fetch) => fetch[Symbol.asyncIterator]().return?.()],
    ["toWebStream()", (fetch) => fetch.toWebStream().cancel()],
  ])("ends where %s is left before anything was read", async (_, leave) => {
    const { client, requests } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    await leave(fetch);
    expect((await failureOf(fetch.summary)).reason).toBe("CANCELED");
    expect(requests).toEqual([]);
  });

  it("fails its records where its bytes fail", async () => {
    const { client } = clientOf((request) =>
      goodAnswer(request, capture, { summary: { sha256: new Uint8Array(32) } }),
    );
    const times: bigint[] = [];
    const failure = await failureOf(async () => {
      for await (const record of client.fetchPcap(hour).records()) times.push(record.timestampNs);
    });
    expect(failure.reason).toBe("DIGEST_MISMATCH");
    expect(times).toHaveLength(3);
  });

  it("gives its bytes as a web stream", async () => {
    const { client } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    const response = new Response(fetch.toWebStream());
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(capture.bytes);
    expect((await fetch.summary).verdict).toBe("complete");
  });

  it("fails its web stream where its bytes fail", async () => {
    const { client } = clientOf((request) => goodAnswer(request, capture).slice(0, -1));
    const failure = await failureOf(new Response(client.fetchPcap(hour).toWebStream()).arrayBuffer());
    expect(failure.reason).toBe("SUMMARY_MISSING");
  });

  it("read for its summary alone fetches and verifies everything", async () => {
    const { client, requests } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    expect(await fetch.summary).toMatchObject({ packets: 3, verification: "full" });
    expect(requests).toHaveLength(1);
    expect((await failureOf(() => collect(fetch))).message).toMatch(/its summary alone/);
  });

  it("may have its summary taken first when it is read in the same turn", async () => {
    const { client, requests } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    const [result, pieces] = await Promise.all([fetch.summary, collect(fetch)]);
    expect(joined(pieces)).toEqual(capture.bytes);
    expect(result.packets).toBe(3);
    expect(requests).toHaveLength(1);
  });

  it("causes no unhandled rejection when nobody looks at its summary", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      const { client } = clientOf(() => []);
      expect((await failureOf(() => collect(client.fetchPcap(hour)))).reason).toBe("SUMMARY_MISSING");
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
});

describe("leaving a fetch", () => {
  it.each<[string, (fetch: AsyncIterable<unknown>) => Promise<unknown>]>([
    [
      "by break",
      async (fetch) => {
        for await (const _ of fetch) break;
      },
    ],
    [
      "by an error of the reader's",
      async (fetch) => {
        const read = async () => {
          for await (const _ of fetch) throw new Error("enough");
        };
        await expect(read()).rejects.toThrow("enough");
      },
    ],
  ])("%s cancels the call, and its summary rejects", async (_, leave) => {
    const { script, seen } = stalling();
    const { client } = clientOf(script);
    const fetch = client.fetchPcap({ ...hour, uid: "u1" });
    await leave(fetch);
    await expect.poll(() => seen.canceled).toBe(true);
    expect(await failureOf(fetch.summary)).toMatchObject({ reason: "CANCELED", code: "canceled", uid: "u1" });
  });

  it("by cancelling its web stream cancels the call, also while it waits for the server", async () => {
    const { script, seen } = stalling();
    const { client } = clientOf(script);
    const fetch = client.fetchPcap(hour);
    const reader = fetch.toWebStream().getReader();
    await reader.read();
    const waiting = reader.read();
    await reader.cancel();
    expect((await waiting).done).toBe(true);
    await expect.poll(() => seen.canceled).toBe(true);
    expect((await failureOf(fetch.summary)).reason).toBe("CANCELED");
  });

  it("by `await using` cancels the call", async () => {
    const { script, seen } = stalling();
    const { client } = clientOf(script);
    {
      await using fetch = client.fetchPcap(hour);
      await fetch[Symbol.asyncIterator]().next();
    }
    await expect.poll(() => seen.canceled).toBe(true);
  });

  it("before it was read sends nothing, and reading it then fails rather than being empty", async () => {
    const { client, requests } = clientOf(good);
    const fetch = client.fetchPcap(hour);
    await fetch[Symbol.asyncDispose]();
    expect((await failureOf(() => collect(fetch))).reason).toBe("CANCELED");
    expect(requests).toEqual([]);
  });

  it("by its signal cancels the call while it waits for the server", async () => {
    const { script, seen } = stalling();
    const { client } = clientOf(script);
    const controller = new AbortController();
    const fetch = client.fetchPcap({ ...hour, signal: controller.signal });
    const pieces = fetch[Symbol.asyncIterator]();
    await pieces.next();
    const waiting = failureOf(pieces.next());
    controller.abort(new Error("the user clicked stop"));
    const failure = await waiting;
    expect(failure).toMatchObject({ reason: "CANCELED", code: "canceled", retryable: false });
    expect(failure.cause).toEqual(new Error("the user clicked stop"));
    await expect.poll(() => seen.canceled).toBe(true);
  });

  it("by its signal cancels the call while the reader is busy elsewhere", async () => {
    const { script, seen } = stalling();
    const { client } = clientOf(script);
    const controller = new AbortController();
    const fetch = client.fetchPcap({ ...hour, signal: controller.signal });
    const pieces = fetch[Symbol.asyncIterator]();
    await pieces.next();
    controller.abort();
    await expect.poll(() => seen.canceled).toBe(true);
    expect((await failureOf(fetch.summary)).reason).toBe("CANCELED");
    expect((await failureOf(pieces.next())).reason).toBe("CANCELED");
  });

  it("by a signal that had aborted sends nothing", async () => {
    const { client, requests } = clientOf(good);
    const failure = await failureOf(() =>
      collect(client.fetchPcap({ ...hour, signal: AbortSignal.abort() })),
    );
    expect(failure.reason).toBe("CANCELED");
    expect(requests).toEqual([]);
  });

  it("by one signal that many share cancels all, with one listener on it", async () => {
    const { script } = stalling();
    const { client } = clientOf(script);
    const controller = new AbortController();
    let listeners = 0;
    const add = controller.signal.addEventListener.bind(controller.signal);
    controller.signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    const fetches = Array.from({ length: 30 }, () =>
      client.fetchPcap({ ...hour, signal: controller.signal }),
    );
    for (const fetch of fetches) await fetch[Symbol.asyncIterator]().next();
    expect(listeners).toBe(1);
    controller.abort();
    for (const fetch of fetches) expect((await failureOf(fetch.summary)).reason).toBe("CANCELED");
  });

  it("leaves no listener on the caller's signal", async () => {
    const { client } = clientOf(good);
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    await collect(client.fetchPcap({ ...hour, signal }));
    expect(listeners).toBe(0);
  });
});

describe("a time limit", () => {
  it("ends the call with TIMEOUT, and says what to do", async () => {
    const { script } = stalling();
    const { client } = clientOf(script, { timeoutMs: 30 });
    const failure = await failureOf(() => collect(client.fetchPcap(hour)));
    expect(failure).toMatchObject({ reason: "TIMEOUT", code: "deadline_exceeded", retryable: false });
    expect(failure.message).toMatch(/after 30 ms; raise timeoutMs/);
  });
});

describe("closing the client", () => {
  it("cancels what runs, and refuses what comes after", async () => {
    const { script, seen } = stalling();
    const { client, requests } = clientOf(script);
    const pieces = client.fetchPcap(hour)[Symbol.asyncIterator]();
    await pieces.next();
    const waiting = failureOf(pieces.next());
    await client.close();
    expect(await waiting).toMatchObject({ reason: "CANCELED", message: "the client was closed" });
    await expect.poll(() => seen.canceled).toBe(true);
    const after = await failureOf(() => collect(client.fetchPcap(hour)));
    expect(after).toMatchObject({ reason: "CANCELED", message: "the client is closed; create another" });
    expect(await failureOf(client.describeSensor())).toMatchObject({ reason: "CANCELED" });
    await expect(client.close()).resolves.toBeUndefined();
    expect(requests).toHaveLength(1);
  });
});
