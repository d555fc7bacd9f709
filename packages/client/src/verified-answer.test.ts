import { Completeness, FilterDialect, Status, type StenoRequest, StoppedBy } from "@stenogrpc/protocol";
import { describe, expect, it } from "vitest";
import { type AnswerMessage, goodAnswer } from "../test-support/answers.js";
import { collect, hour, joined, noonNs, packetsFromNoon, second } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { clientOf } from "../test-support/in-memory.js";
import type { FetchPcapOptions } from "./index.js";
import { resultJson } from "./result-json.js";

const capture = packetsFromNoon(3);
const empty = packetsFromNoon(0);

/** Fetches from a server that answers so, and gives the bytes and the result. */
async function fetchFrom(
  answer: (request: StenoRequest) => AnswerMessage[],
  options: Partial<FetchPcapOptions> = {},
) {
  const { client } = clientOf(answer);
  const fetch = client.fetchPcap({ ...hour, uid: "u1", ...options });
  const pieces = await collect(fetch);
  return { pieces, result: await fetch.summary };
}

/** How a fetch from such a server fails, and what was handed out before. */
async function failureFrom(
  answer: (request: StenoRequest) => AnswerMessage[],
  options: Partial<FetchPcapOptions> = {},
) {
  const { client } = clientOf(answer);
  const fetch = client.fetchPcap({ ...hour, uid: "u1", ...options });
  const pieces: Uint8Array[] = [];
  const failure = await failureOf(async () => {
    for await (const piece of fetch) pieces.push(piece);
  });
  expect(await failureOf(fetch.summary)).toBe(failure);
  expect(failure).toMatchObject({ uid: "u1", retryable: false });
  return { failure, handedOut: joined(pieces) };
}

describe("a flawless answer", () => {
  it("goes into JSON, with its times in RFC 3339", async () => {
    const { result } = await fetchFrom((request) =>
      goodAnswer(request, capture, { summary: { coverage: { gaps: [] }, damage: [{ file: "1" }] } }),
    );
    expect(JSON.parse(JSON.stringify(resultJson(result)))).toMatchObject({
      verdict: "complete",
      packets: 3,
      firstPacket: "2026-07-01T12:00:00Z",
      lastPacket: "2026-07-01T12:00:02.000000002Z",
      window: { start: "2026-07-01T12:00:00Z", end: "2026-07-01T13:00:00Z" },
      filterDialect: null,
      payloadLimitBytes: null,
      coverage: { oldestPacket: null, newestPacket: null, gaps: [] },
      damage: [{ file: "1", block: null }],
    });
  });

  it("is handed out byte for byte, with the server's summary as a plain object", async () => {
    const { pieces, result } = await fetchFrom((request) => goodAnswer(request, capture));
    expect(joined(pieces)).toEqual(capture.bytes);
    expect(result).toEqual({
      uid: "u1",
      serverVersion: "",
      clientIdentity: "",
      policyFilter: "",
      payloadLimitBytes: undefined,
      verdict: "complete",
      stoppedBy: "nothing",
      packets: 3,
      pcapBytes: capture.bytes.length,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      firstPacketNs: noonNs,
      lastPacketNs: noonNs + 2n * second + 2n,
      source: "directory",
      sensor: "edge-1",
      window: { startNs: hour.from, endNs: hour.to },
      filter: "(port 443)",
      filterDialect: undefined,
      completeness: "unproved",
      coverage: undefined,
      covered: "unknown",
      damage: [],
      shortcomings: [],
      recordsSeen: 20,
      recordsOutsideWindow: 3,
      recordsUnmatched: 2,
      recordsBehindVlan: 0,
      clockSkewMs: undefined,
      warnings: ["one file ends in the middle of a record"],
      verification: "full",
      retries: 0,
    });
  });

  it.each([
    [Completeness.PROVED, "proved"],
    [Completeness.UNPROVED, "unproved"],
    [Completeness.UNSPECIFIED, "unstated"],
    [99 as Completeness, "unstated"], // as a newer server might
  ])("says whether it is proved: %s is %s", async (completeness, name) => {
    const { result } = await fetchFrom((request) =>
      goodAnswer(request, capture, { summary: { completeness } }),
    );
    expect(result.completeness).toBe(name);
  });

  it.each(["pcap", "stenographer"] as const)("says that its filter was read as %s", async (dialect) => {
    const { result } = await fetchFrom((request) => goodAnswer(request, capture), { filter: "tcp", dialect });
    expect(result.filterDialect).toBe(dialect);
  });

  it("has its times in the unit that was asked for", async () => {
    const micro = packetsFromNoon(3, 60, "microseconds");
    for (const [answered, timestampResolution] of [
      [capture, "nanoseconds"],
      [micro, "microseconds"],
    ] as const) {
      const options = { timestampResolution };
      const { result } = await fetchFrom((request) => goodAnswer(request, answered), options);
      expect(result.packets).toBe(3);
    }
  });

  it("in microseconds may hold a packet that lay in the window before its nanoseconds were cut off", async () => {
    const micro = packetsFromNoon(1, 60, "microseconds");
    const options = { from: noonNs + 500n, timestampResolution: "microseconds" } as const;
    const { result } = await fetchFrom((request) => goodAnswer(request, micro), options);
    expect(result).toMatchObject({ packets: 1, firstPacketNs: noonNs });
  });

  it("of a damaged source is incomplete, and says what could not be read", async () => {
    const lost = {
      file: "1",
      thread: 1,
      block: 0,
      offset: 1_048_576n,
      what: "bad length",
      losesPackets: true,
    };
    const harmless = { file: "2", what: "no index", losesPackets: false };
    for (const answered of [capture, empty]) {
      const { result } = await fetchFrom((request) =>
        goodAnswer(request, answered, {
          status: Status.INCOMPLETE,
          summary: { damage: [harmless, lost] },
        }),
      );
      expect(result).toMatchObject({ verdict: "incomplete", stoppedBy: "nothing" });
      expect(result.damage).toEqual([
        { file: "2", thread: 0, what: "no index", losesPackets: false },
        { ...lost, offset: 1_048_576 },
      ]);
    }
  });

  it("may be complete though something harmless could not be read", async () => {
    const damage = [{ file: "2", what: "no index", losesPackets: false }];
    const { result } = await fetchFrom((request) => goodAnswer(request, capture, { summary: { damage } }));
    expect(result).toMatchObject({ verdict: "complete", damage });
  });

  it.each([
    [Status.INCOMPLETE, "incomplete"],
    [Status.TRUNCATED, "truncated"],
  ])("may have been stopped by a limit and lack damaged packets: %i", async (status, verdict) => {
    const damage = [{ file: "2", what: "bad length", losesPackets: true }];
    const { result } = await fetchFrom((request) =>
      goodAnswer(request, capture, { status, summary: { stoppedBy: StoppedBy.MAX_PACKETS, damage } }),
    );
    expect(result).toMatchObject({ verdict, stoppedBy: "max-packets", damage });
  });

  it("may come in one message, and its last message may carry packets", async () => {
    const whole = await fetchFrom((request) =>
      goodAnswer(request, capture, { pieces: [], lastPcap: capture.bytes }),
    );
    expect(joined(whole.pieces)).toEqual(capture.bytes);
    const { header, records } = capture;
    const split = await fetchFrom(
      (request) =>
        goodAnswer(request, capture, {
          pieces: [joined([header, records[0]!])],
          lastPcap: joined(records.slice(1)),
        }), // it has three records
    );
    expect(joined(split.pieces)).toEqual(capture.bytes);
  });

  it("may have messages without bytes on its way", async () => {
    const none = new Uint8Array(0);
    const pieces = [none, capture.header, none, ...capture.records, none];
    const { pieces: handedOut } = await fetchFrom((request) => goodAnswer(request, capture, { pieces }));
    expect(joined(handedOut)).toEqual(capture.bytes);
  });

  it("without packets is a valid, empty pcap and says so", async () => {
    const { pieces, result } = await fetchFrom((request) => goodAnswer(request, empty));
    expect(joined(pieces)).toEqual(empty.header);
    expect(result).toMatchObject({ verdict: "no-packets", stoppedBy: "nothing", packets: 0 });
    expect(result.firstPacketNs).toBeUndefined();
  });

  it.each([
    [StoppedBy.MAX_BYTES, "max-bytes"],
    [StoppedBy.MAX_PACKETS, "max-packets"],
    [StoppedBy.SERVER_LIMIT, "server-limit"],
    [StoppedBy.BUDGET, "budget"],
  ])("that a limit stopped is truncated, by name", async (stoppedBy, name) => {
    const { result } = await fetchFrom((request) =>
      goodAnswer(request, capture, { status: Status.TRUNCATED, summary: { stoppedBy } }),
    );
    expect(result).toMatchObject({ verdict: "truncated", stoppedBy: name, packets: 3 });
    expect(result.shortcomings).toEqual([expect.stringContaining(" cut the answer after 3 packets, ")]);
  });

  it("tells who asked whom, and what the client's role left of the packets", async () => {
    const { result } = await fetchFrom((request) =>
      goodAnswer(request, capture, {
        summary: {
          serverVersion: "stenogrpc/0.1.0",
          clientIdentity: "analyst",
          policyFilter: "net 10.0.0.0/8",
          payloadLimit: 0,
        },
      }),
    );
    expect(result).toMatchObject({
      serverVersion: "stenogrpc/0.1.0",
      clientIdentity: "analyst",
      policyFilter: "net 10.0.0.0/8",
      payloadLimitBytes: 0,
    });
  });

  it("says how far the server's clock is off, and what that means for a window that ends now", async () => {
    const answerAt = async (aheadMs: number | undefined, to: number) => {
      const ms = aheadMs === undefined ? undefined : Date.now() + aheadMs;
      const serverTime = ms === undefined ? undefined : { seconds: BigInt(Math.floor(ms / 1000)) };
      const { result } = await fetchFrom(
        (request) => goodAnswer(request, capture, { summary: { serverTime } }),
        {
          to,
        },
      );
      return result;
    };
    const nowSeconds = Math.floor(Date.now() / 1000);
    const late = await answerAt(3_600_000, nowSeconds);
    expect(late.clockSkewMs).toBeGreaterThan(3_500_000);
    expect(late.shortcomings).toEqual([
      expect.stringMatching(/^the server's clock is \d+ s ahead of this client's/),
    ]);
    const early = await answerAt(-3_600_000, nowSeconds);
    expect(early.clockSkewMs).toBeLessThan(-3_500_000);
    expect(early.shortcomings).toEqual([expect.stringContaining(" behind this client's")]);
    expect((await answerAt(3_600_000, nowSeconds - 86_400)).shortcomings).toEqual([]);
    expect(await answerAt(undefined, nowSeconds)).toMatchObject({ clockSkewMs: undefined, shortcomings: [] });
  });

  it("may fill its limits to the last byte and packet", async () => {
    const limits = { maxBytes: capture.bytes.length, maxPackets: 3 };
    const { result } = await fetchFrom((request) => goodAnswer(request, capture), limits);
    expect(result.verdict).toBe("complete");
  });

  it("may hold a packet at the very start of the window and one a nanosecond before its end", async () => {
    const window = { from: noonNs, to: noonNs + 2n * second + 3n };
    expect((await fetchFrom((request) => goodAnswer(request, capture), window)).result.packets).toBe(3);
  });
});

describe("an answer that is not whole", () => {
  it("never looks complete when its summary is missing, and says what to do with an original server", async () => {
    const { failure, handedOut } = await failureFrom((request) => goodAnswer(request, capture).slice(0, -1));
    expect(failure).toMatchObject({ reason: "SUMMARY_MISSING", code: "data_loss" });
    expect(failure.message).toMatch(/set originalServer: true/);
    expect(handedOut).toEqual(capture.bytes);
  });

  it("never looks complete when nothing at all comes", async () => {
    const { failure } = await failureFrom(() => []);
    expect(failure.reason).toBe("SUMMARY_MISSING");
  });

  it("is found out when a status comes without its summary", async () => {
    const { failure } = await failureFrom(({ request }) => [
      { uid: request?.uid, pcap: capture.bytes, status: Status.OK },
    ]);
    expect(failure.reason).toBe("SUMMARY_MISSING");
  });

  it("is found out when a packet got lost", async () => {
    const { failure } = await failureFrom((request) => {
      const messages = goodAnswer(request, capture);
      messages.splice(2, 1);
      return messages;
    });
    expect(failure).toMatchObject({ reason: "COUNT_MISMATCH", code: "data_loss" });
    expect(failure.message).toMatch(/packets 2, the summary says 3/);
  });

  it.each([
    ["pcap bytes", { pcapBytes: 1n }],
    ["first packet time", { firstPacket: { seconds: 1n } }],
    ["last packet time", { lastPacket: undefined }],
  ])("is found out when the %s differs", async (what, summary) => {
    const { failure } = await failureFrom((request) => goodAnswer(request, capture, { summary }));
    expect(failure.reason).toBe("COUNT_MISMATCH");
    expect(failure.message).toContain(what);
  });

  it("is found out when a single byte of a packet changed", async () => {
    const { failure } = await failureFrom((request) => {
      const messages = goodAnswer(request, capture);
      const damaged = new Uint8Array(capture.records[1]!); // it has three
      damaged[40] = 0xff;
      messages[2] = { ...messages[2], pcap: damaged };
      return messages;
    });
    expect(failure).toMatchObject({ reason: "DIGEST_MISMATCH", code: "data_loss" });
  });

  it("is found out when the digest is missing", async () => {
    const summary = { sha256: new Uint8Array(0) };
    const { failure } = await failureFrom((request) => goodAnswer(request, capture, { summary }));
    expect(failure.reason).toBe("DIGEST_MISMATCH");
    expect(failure.message).toMatch(/the server says none/);
  });

  it("keeps the bytes of a wrong last message to itself", async () => {
    const { handedOut } = await failureFrom((request) =>
      goodAnswer(request, capture, {
        pieces: [capture.header],
        lastPcap: joined(capture.records),
        summary: { sha256: new Uint8Array(32) },
      }),
    );
    expect(handedOut).toEqual(capture.header);
  });
});

describe("an answer to another question", () => {
  it.each([
    [FilterDialect.UNSPECIFIED, "pcap", /sent in tcpdump's language, and the server does not say in which/],
    [FilterDialect.STENOGRAPHER, "pcap", /sent in tcpdump's .* read it in Stenographer's language/],
    [FilterDialect.PCAP, "stenographer", /sent in Stenographer's .* read it in tcpdump's language/],
    [99 as FilterDialect, "pcap", /read it in language 99/], // as a newer server might
  ] as const)(
    "is found out when the filter was read in language %s, not %s",
    async (read, dialect, message) => {
      const { failure, handedOut } = await failureFrom(
        (request) =>
          goodAnswer(request, capture, { summary: { filterDialect: read }, lastPcap: new Uint8Array(0) }),
        { filter: "tcp", dialect },
      );
      expect(failure).toMatchObject({ reason: "DIALECT_MISMATCH", code: "data_loss" });
      expect(failure.message).toMatch(message);
      expect(failure.message).toMatch(/update the server/);
      expect(handedOut).toEqual(capture.bytes);
    },
  );
});

describe("an answer that breaks the contract", () => {
  const malformed: [
    string,
    (request: StenoRequest) => AnswerMessage[],
    RegExp,
    Partial<FetchPcapOptions>?,
  ][] = [
    [
      "a message after the one with the summary",
      (request) => [...goodAnswer(request, capture), { uid: request.request?.uid, pcap: capture.records[0] }],
      /after the one with the summary/,
    ],
    [
      "a message of another retrieval",
      (request) => [...goodAnswer(request, capture).slice(0, 2), { uid: "other", pcap: capture.records[1] }],
      /carries the uid "other"/,
    ],
    [
      "a message that ends inside a record",
      (request) =>
        goodAnswer(request, capture, {
          pieces: [capture.bytes.subarray(0, 120), capture.bytes.subarray(120)],
        }),
      /ends inside a packet record, at byte 120/,
    ],
    [
      "a message that ends inside a record's header",
      (request) =>
        goodAnswer(request, capture, { pieces: [capture.bytes.subarray(0, 30), capture.bytes.subarray(30)] }),
      /ends inside a packet record, at byte 30/,
    ],
    [
      "a message that ends inside the file header",
      (request) =>
        goodAnswer(request, capture, { pieces: [capture.bytes.subarray(0, 10), capture.bytes.subarray(10)] }),
      /10 bytes, less than a pcap file header/,
    ],
    [
      "a second file header",
      (request) =>
        goodAnswer(request, capture, { pieces: [capture.header, capture.header, ...capture.records] }),
      /no valid pcap|inside a packet record|outside the window/,
    ],
    [
      "what is no capture",
      (request) =>
        goodAnswer(request, capture, { pieces: [new TextEncoder().encode("could not parse the query\n")] }),
      /no valid pcap: not a capture/,
    ],
    [
      "pcapng",
      (request) =>
        goodAnswer(request, capture, {
          pieces: [new Uint8Array(28).fill(10, 0, 1).fill(13, 1, 3).fill(10, 3, 4)],
        }),
      /no valid pcap: it is pcapng, not classic pcap/,
    ],
    [
      "no file header at all",
      (request) => goodAnswer(request, empty, { pieces: [], summary: { pcapBytes: 0n } }),
      /no pcap file header/,
    ],
    [
      "a packet before the window",
      (request) => goodAnswer(request, capture),
      /packet 1 of the answer, at 1782907200\.000000000, lies outside the window/,
      { from: noonNs + 1n },
    ],
    [
      "a packet exactly at the window's end, which is not included",
      (request) => goodAnswer(request, capture),
      /packet 3 of the answer.*outside the window/,
      { to: noonNs + 2n * second + 2n },
    ],
    [
      "more bytes than asked for",
      (request) => goodAnswer(request, capture),
      /exceeds maxBytes: 252 > 251/,
      { maxBytes: 251 },
    ],
    [
      "more packets than asked for",
      (request) => goodAnswer(request, capture),
      /exceeds maxPackets: 3 > 2/,
      { maxPackets: 2 },
    ],
    [
      "a summary without a status",
      (request) => goodAnswer(request, capture, { status: Status.UNSPECIFIED }),
      /summary came without a status/,
    ],
    [
      "OK with a limit that stopped it",
      (request) => goodAnswer(request, capture, { summary: { stoppedBy: StoppedBy.MAX_BYTES } }),
      /status OK does not go with 3 packets, stopped by MAX_BYTES/,
    ],
    [
      "OK without packets",
      (request) => goodAnswer(request, empty, { status: Status.OK }),
      /status OK does not go with 0 packets/,
    ],
    [
      "no packets, and packets",
      (request) => goodAnswer(request, capture, { status: Status.NO_PACKETS }),
      /status NO_PACKETS does not go with 3 packets/,
    ],
    [
      "truncated by nothing",
      (request) => goodAnswer(request, capture, { status: Status.TRUNCATED }),
      /status TRUNCATED does not go with/,
    ],
    [
      "incomplete without damage",
      (request) => goodAnswer(request, capture, { status: Status.INCOMPLETE }),
      /status INCOMPLETE does not go with 3 packets, stopped by NOTHING, and damage that costs no packets/,
    ],
    [
      "incomplete with damage that costs nothing",
      (request) =>
        goodAnswer(request, capture, {
          status: Status.INCOMPLETE,
          summary: { damage: [{ file: "1", losesPackets: false }] },
        }),
      /status INCOMPLETE does not go with/,
    ],
    [
      "OK with damage that costs packets",
      (request) => goodAnswer(request, capture, { summary: { damage: [{ file: "1", losesPackets: true }] } }),
      /status OK does not go with .* damage that may cost packets/,
    ],
    [
      "no packets with damage that costs packets",
      (request) => goodAnswer(request, empty, { summary: { damage: [{ file: "1", losesPackets: true }] } }),
      /status NO_PACKETS does not go with .* damage that may cost packets/,
    ],
    [
      "times in microseconds where nanoseconds were asked for",
      (request) => goodAnswer(request, packetsFromNoon(3, 60, "microseconds")),
      /has times in microseconds; nanoseconds were asked for/,
      { timestampResolution: "nanoseconds" },
    ],
    [
      "a packet whole microseconds before the window",
      (request) => goodAnswer(request, packetsFromNoon(1, 60, "microseconds")),
      /outside the window/,
      { from: noonNs + 1000n, timestampResolution: "microseconds" },
    ],
    [
      "times in nanoseconds where microseconds were asked for",
      (request) => goodAnswer(request, empty),
      /has times in nanoseconds; microseconds were asked for/,
      { timestampResolution: "microseconds" },
    ],
    [
      "a window that no calendar has",
      (request) =>
        goodAnswer(request, capture, { summary: { windowEnd: { seconds: 9_000_000_000_000_000n } } }),
      /the window's end is no time: 9000000000000000 s and 0 ns/,
    ],
    [
      "a window that begins later than was asked for",
      (request) =>
        goodAnswer(request, capture, { summary: { windowStart: { seconds: noonNs / second, nanos: 1 } } }),
      /looked for packets from 2026-07-01T12:00:00.000000001Z to 2026-07-01T13:00:00Z; 2026-07-01T12:00:00Z to 2026/,
    ],
    [
      "a window that ends earlier than was asked for",
      (request) =>
        goodAnswer(request, capture, { summary: { windowEnd: { seconds: noonNs / second + 3599n } } }),
      /looked for packets from 2026-07-01T12:00:00Z to 2026-07-01T12:59:59Z; /,
    ],
    [
      "a time with more nanoseconds than a second has",
      (request) =>
        goodAnswer(request, capture, { summary: { firstPacket: { seconds: 5n, nanos: 1_000_000_000 } } }),
      /the time of the first packet is no time/,
    ],
    [
      "an unknown status",
      (request) => goodAnswer(request, capture, { status: 299 as Status }), // as a newer server might
      /status 299 does not go with/,
    ],
  ];
  it.each(malformed)("is refused: %s", async (_, answer, message, options) => {
    const { failure } = await failureFrom(answer, options);
    expect(failure).toMatchObject({ reason: "MALFORMED_ANSWER", code: "data_loss" });
    expect(failure.message).toMatch(message);
  });

  it("hands out nothing of the message that breaks it", async () => {
    const { handedOut } = await failureFrom((request) =>
      goodAnswer(request, capture, {
        pieces: [capture.header, joined([capture.records[0]!, capture.records[1]!.subarray(0, 50)])], // it has three
      }),
    );
    expect(handedOut).toEqual(capture.header);
  });

  it("is refused when its status says that something went wrong", async () => {
    const { failure } = await failureFrom((request) =>
      goodAnswer(request, capture, { status: Status.UNKNOWN_FAILURE }),
    );
    expect(failure).toMatchObject({ reason: "UNKNOWN_FAILURE", code: "unknown" });
  });
});
