import { create } from "@bufbuild/protobuf";
import { ResponseSchema, Status } from "@stenogrpc/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnswerMessage, framed, goodAnswer } from "../../test-support/answers.js";
import { cutAt, hour, joined, packetsFromNoon } from "../../test-support/capture.js";
import { planFetch } from "../fetch-options.js";
import { requestMessage } from "../request-message.js";
import { createSha256 } from "../sha256.js";
import { VerifiedAnswer } from "../verified-answer.js";
import { AnswerDecoder } from "./answer-decoder.js";

const plan = planFetch({ ...hour, uid: "u1" }, {});
const capture = packetsFromNoon(3);
const good = goodAnswer(requestMessage(plan), capture);

const joinedFrames = (given: Parameters<typeof framed>[0]) => joined(framed(given));

/** What decoding gives: the pcap bytes of each message, its other fields, and the error that ended it. */
function decode(pieces: readonly Uint8Array[], longest = 1_000_000) {
  const decoder = new AnswerDecoder(longest);
  const messages: object[] = [];
  let open: Uint8Array[] = [];
  let error: string | undefined;
  try {
    for (const piece of pieces) {
      const { pcap, ends } = decoder.push(piece.slice());
      let from = 0;
      for (const { at, ...rest } of ends) {
        messages.push({ pcap: joined([...open, pcap.subarray(from, at)]), ...rest });
        open = [];
        from = at;
      }
      if (pcap.length > from) open.push(pcap.slice(from));
    }
    decoder.end();
  } catch (thrown) {
    error = String(thrown);
  }
  return { messages, error };
}

const bytewise = (bytes: Uint8Array) =>
  cutAt(
    bytes,
    Array.from(bytes, (_, i) => i),
  );
const places = fc.array(fc.nat(), { maxLength: 12 });

describe("AnswerDecoder", () => {
  it("gives of a message what protobuf gives, and packets in the memory that they came in", () => {
    const bytes = joinedFrames(good);
    expect(decode([bytes])).toEqual({
      error: undefined,
      messages: good.map((message) => {
        const { pcap, uid, status, summary } = create(ResponseSchema, message);
        return { pcap, uid, status, summary };
      }),
    });
    const one = joinedFrames(good.slice(0, 1));
    expect(new AnswerDecoder(100).push(one).pcap.buffer).toBe(one.buffer);
  });

  it("gives the same of the same bytes, byte by byte and split anywhere", () => {
    const bytes = joinedFrames(good);
    const whole = decode([bytes]);
    expect(decode(bytewise(bytes))).toEqual(whole);
    fc.assert(
      fc.property(places, (at) => {
        expect(decode(cutAt(bytes, at))).toEqual(whole);
      }),
    );
  });

  it("gives the same of damaged bytes, or fails with the same words, wherever they are split", () => {
    const bytes = joinedFrames(good);
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 });
    const lengths = fc.nat(bytes.length);
    fc.assert(
      fc.property(changes, lengths, places, (change, length, at) => {
        const damaged = bytes.slice(0, length);
        for (const [where, value] of change) if (where < length) damaged[where] = value;
        const most = decode(bytewise(damaged));
        for (const pieces of [[damaged], cutAt(damaged, at)]) {
          const { messages, error } = decode(pieces);
          expect(error).toBe(most.error);
          // What comes together with damage is lost with it.
          expect(messages).toEqual(
            error === undefined ? most.messages : most.messages.slice(0, messages.length),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it("takes an empty message, fields in any order, and fields that it does not know", () => {
    const known = Uint8Array.from([0x12, 2, 7, 8, 0x0a, 1, 0x75]); // pcap before uid
    // Field 15 as a varint, 8 bytes, 4 bytes, and bytes.
    const unknown = [0x78, 0x80, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 1, 2, 3, 4, 0x7a, 1, 9];
    const { messages, error } = decode(
      bytewise(joinedFrames([new Uint8Array(0), joined([Uint8Array.from(unknown), known])])),
    );
    expect(error).toBeUndefined();
    expect(messages).toMatchObject([
      { uid: "", status: Status.UNSPECIFIED, pcap: new Uint8Array(0) },
      { uid: "u", pcap: Uint8Array.from([7, 8]) },
    ]);
  });

  it.each([
    ["a compressed message", [1, 0, 0, 0, 0], /compressed/],
    ["a message that is too long", [0, 0, 0x10, 0, 0], /1048576 bytes, more than the 1000000 allowed/],
    ["a message that ends inside a tag", [0, 0, 0, 0, 1, 0x80], /ends inside/],
    ["a message that ends inside a length", [0, 0, 0, 0, 2, 0x12, 0x80, 0, 0], /ends inside a field/],
    ["a message that ends before a length", [0, 0, 0, 0, 1, 0x12, 0, 0], /ends inside a field/],
    ["a message that ends inside a field", [0, 0, 0, 0, 2, 0x12, 9], /longer than its message/],
    ["a tag without end", [0, 0, 0, 0, 9, ...new Array(9).fill(0xff)], /too many bytes/],
    ["a number without end", [0, 0, 0, 0, 20, 0x18, ...new Array(19).fill(0xff)], /too many bytes/],
    ["a group", [0, 0, 0, 0, 1, 0x0b], /wire type 3/],
    ["packets twice", [0, 0, 0, 0, 6, 0x12, 1, 1, 0x12, 1, 2], /packets twice/],
    ["a uid that is no text", [0, 0, 0, 0, 3, 0x0a, 1, 0xff], /can't be decoded/],
    ["packets as a number", [0, 0, 0, 0, 2, 0x10, 1], /can't be decoded/],
    ["an end inside an envelope", [0, 0, 0], /ends inside a message/],
    ["an end inside packets", [0, 0, 0, 0, 9, 0x12, 7, 1], /ends inside a message/],
  ])("refuses %s", (_, values, message) => {
    const bytes = Uint8Array.from(values);
    const { error } = decode([bytes]);
    expect(error).toMatch(message);
    expect(decode(bytewise(bytes)).error).toBe(error);
  });
});

describe("an answer in parts", () => {
  /** What is handed out of an answer that comes in these pieces, and how it ends. */
  function outcome(pieces: readonly Uint8Array[], options: Partial<typeof plan> = {}) {
    const decoder = new AnswerDecoder(1_000_000);
    const answer = new VerifiedAnswer({ ...plan, ...options }, createSha256());
    const handedOut: Uint8Array[] = [];
    try {
      for (const piece of pieces) handedOut.push(...answer.take(decoder.push(piece.slice())));
      return { end: answer.finish(), handedOut };
    } catch (error) {
      return { end: String(error), handedOut };
    }
  }

  const uid = plan.uid;
  const [record, second] = capture.records as [Uint8Array, Uint8Array];
  const summaryBut = (change: object) => [...good.slice(0, -1), { ...good.at(-1), ...change }];
  it.each<[string, AnswerMessage[], Partial<typeof plan>?]>([
    ["that is good", good],
    [
      "with packets in its last message",
      goodAnswer(requestMessage(plan), capture, { pieces: [], lastPcap: capture.bytes }),
    ],
    ["without a summary", good.slice(0, -1)],
    ["with a wrong digest", summaryBut({ summary: { ...good.at(-1)?.summary, sha256: new Uint8Array(32) } })],
    ["of another retrieval", [...good.slice(0, 2), { uid: "other", pcap: second }]],
    ["that goes on", [...good, { uid, pcap: record }]],
    ["that goes on without packets", [...good, { uid }]],
    [
      "with a cut record",
      [good[0]!, { uid, pcap: record.subarray(0, 50) }, { uid, pcap: record.subarray(50) }],
    ], // it has five
    ["with a short file header", [{ uid, pcap: capture.header.subarray(0, 20) }, ...good.slice(1)]],
    ["that is no pcap", [{ uid, pcap: new Uint8Array(100).fill(65) }]],
    ["with more than was asked for", good, { maxBytes: 110 }],
    ["with more packets than were asked for", good, { maxPackets: 1 }],
    ["in another resolution", good, { timestampResolution: "microseconds" }],
    ["outside the window", good, { window: { startNs: 0n, endNs: plan.window.startNs + 1n } }],
  ])("ends the same wherever HTTP/2 cuts it, one %s", (_, messages, options) => {
    const bytes = joinedFrames(messages);
    const whole = outcome([bytes], options);
    const wholeBytes = joined(outcome(bytewise(bytes), options).handedOut);
    fc.assert(
      fc.property(places, (at) => {
        const { end, handedOut } = outcome(cutAt(bytes, at), options);
        expect(end).toEqual(whole.end);
        // An error that shows early may come before a part is handed out, but nothing else ever is.
        const bytesOut = joined(handedOut);
        expect(wholeBytes.subarray(0, bytesOut.length)).toEqual(bytesOut);
        for (const piece of handedOut) expect(isWhole(piece)).toBe(true);
      }),
    );
  });

  /** Whether a piece begins and ends between the file header and records, which all have 76 bytes. */
  function isWhole(piece: Uint8Array): boolean {
    return piece.length % 76 === 0 || piece.length % 76 === capture.header.length;
  }
});
