import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { auditRecord } from "../../test-support/audit.js";
import { chainLine, chainStart, entryText, maxLineBytes, readChainLink } from "./audit-line.js";

const lineOf = (record: Parameters<typeof auditRecord>[0] = {}) =>
  chainLine(entryText({ event: "request", ...auditRecord(record) }), chainStart);

describe("a line of the audit log", () => {
  it("has its fields in a fixed order, number first, hashes last", () => {
    expect(Object.keys(JSON.parse(lineOf().text))).toEqual(
      "seq time event server sensor rpc uid identity role peer reason filter dialect policy window limits outcome code error packets pcapBytes sha256 durationMs prev hash".split(
        " ",
      ),
    );
  });

  it("has the same fields where nothing is known", () => {
    const bare = lineOf({
      uid: undefined,
      identity: undefined,
      role: undefined,
      peer: undefined,
      reason: undefined,
      filter: undefined,
      dialect: undefined,
      policy: undefined,
      window: undefined,
      limits: undefined,
      sha256: undefined,
    });
    expect(Object.keys(JSON.parse(bare.text))).toEqual(Object.keys(JSON.parse(lineOf().text)));
    expect(JSON.parse(bare.text)).toMatchObject({ uid: null, identity: null, window: null, limits: null });
  });

  it("hashes its own bytes up to the hash", () => {
    const { text, hash } = lineOf();
    const body = text.slice(0, text.indexOf(',"hash":"'));
    expect(createHash("sha256").update(body).digest("hex")).toBe(hash);
    expect(JSON.parse(text).hash).toBe(hash);
  });

  it("is one line of ASCII, whatever the client wrote, and gives the text back", () => {
    const reason = 'a "quote", ,"hash":" \n\r\u2028 \u007f \u202e naïve \u{1f50d} \ud800';
    const { text } = lineOf({ reason });
    expect(text).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(text).reason).toBe(reason);
  });

  it("never has more bytes than a line may have, and says what it cut", () => {
    const long = "\u00e9".repeat(10_000_000);
    const { text } = lineOf({
      filter: long,
      policy: long,
      reason: long,
      uid: long,
      sensor: long,
      role: long,
      peer: long,
      identity: { name: long, subject: long, subjectAltName: long, fingerprint256: "AA" },
    });
    expect(text.length).toBeLessThan(maxLineBytes);
    expect(JSON.parse(text).filter).toMatch(/\.\.\. \(10000000 characters, SHA-256 [0-9a-f]{64}\)$/);
  });
});

describe("readChainLink", () => {
  it("reads what chainLine wrote", () => {
    const first = lineOf();
    const second = chainLine(entryText({ event: "lost", time: "t", records: 2 }), first);
    expect(readChainLink(Buffer.from(second.text.trimEnd()))).toEqual({
      seq: 2,
      prev: first.hash,
      hash: second.hash,
      isTrue: true,
      droppedThrough: undefined,
    });
  });

  it("takes a drop from the log only, not from a client's words", () => {
    const words = '","event":"dropped","throughSeq":7,';
    const spoken = lineOf({ reason: words, sensor: words });
    expect(readChainLink(Buffer.from(spoken.text.trimEnd()))?.droppedThrough).toBeUndefined();
    const dropped = chainLine(entryText({ event: "dropped", time: "t", throughSeq: 7 }), chainStart);
    expect(readChainLink(Buffer.from(dropped.text.trimEnd()))?.droppedThrough).toBe(7);
  });

  it.each([
    "",
    "{}",
    "\0\0\0",
    '{"seq":1,"time":"t","event":"request"}',
    `{"seq":0,${lineOf().text.trimEnd().slice(9)}`,
    `${lineOf().text.trimEnd()} `,
    lineOf()
      .text.trimEnd()
      .replace(/"hash":"./, '"hash":"X'),
  ])("knows %j for no line", (text) => {
    expect(readChainLink(Buffer.from(text))).toBeUndefined();
  });
});
