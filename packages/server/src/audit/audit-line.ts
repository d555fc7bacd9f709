import { createHash } from "node:crypto";
import type { AuditReceipt, AuditRecord } from "./audit-record.js";

/** The most bytes that a line can have: what is written stays below, and what is longer was not written by a log. */
export const maxLineBytes = 4 * 1024 * 1024;

/** What comes before the first line of a chain. */
export const chainStart: AuditReceipt = { seq: 0, hash: "0".repeat(64) };

/** A crash left a line without its end. It was never acknowledged, and lies in `file` now. */
export interface TornLine {
  readonly event: "torn-line";
  readonly time: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Name of the file, without its folder. */
  readonly file: string;
}

/** A line of the log: a request, or what befell the log itself. */
export type AuditEntry =
  | ({ readonly event: "request" } & AuditRecord)
  | TornLine
  /** So many requests could not be written down; they were refused, unless the server was told to continue. */
  | { event: "lost"; time: string; records: number }
  /** The lines up to this one are deleted, since only so many files are kept. */
  | { event: "dropped"; time: string; throughSeq: number };

/** An entry as it will stand in its line, whatever line that will be: pure ASCII, every field in its place, unknown ones null. */
export function entryText(entry: AuditEntry): string {
  const { time, event, ...rest } = entry.event === "request" ? requestFields(entry) : entry;
  return ascii(JSON.stringify({ time, event, ...rest }).slice(1, -1));
}

/** Bytes that a line has besides its entry, at most. */
export const linkBytes = 200;

/**
 * Puts an entry behind a line: numbered, with the hash of that line (`prev`) and, at the end, its own (`hash`): SHA-256 in hex
 * over the line's bytes up to `,"hash":"`.
 */
export function chainLine(entry: string, after: AuditReceipt): AuditReceipt & { readonly text: string } {
  const seq = after.seq + 1;
  const body = `{"seq":${seq},${entry},"prev":"${after.hash}"`;
  const hash = sha256(body);
  return { seq, hash, text: `${body},"hash":"${hash}"}\n` };
}

/** What the chain says in a line. */
export interface ChainLink {
  readonly seq: number;
  readonly prev: string;
  /** The hash that stands in the line. */
  readonly hash: string;
  /** Whether it is the hash of the line's bytes. */
  readonly isTrue: boolean;
  /** Up to which line it says that lines were deleted. */
  readonly droppedThrough: number | undefined;
}

const tailShape = /^,"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/;
const tailLength = ',"prev":"","hash":""}'.length + 2 * 64;
const headShape =
  /^\{"seq":([1-9]\d{0,15}),"time":"[^"]*","event":"(?:request"|torn-line"|lost"|dropped","throughSeq":(\d{1,16})[,}])/;
const longestHead = 200;

/** Reads what the chain says in a line, given without its line feed; undefined for what is no line of an audit log. */
export function readChainLink(line: Buffer): ChainLink | undefined {
  const head = headShape.exec(line.toString("latin1", 0, longestHead));
  const tail = tailShape.exec(line.toString("latin1", Math.max(0, line.length - tailLength)));
  if (!head || !tail) return undefined;
  const [, seq, through] = head;
  const [, prev = "", hash = ""] = tail;
  const body = line.subarray(0, line.length - ',"hash":""}'.length - 64);
  return {
    seq: Number(seq),
    prev,
    hash,
    isTrue: sha256(body) === hash,
    droppedThrough: through === undefined ? undefined : Number(through),
  };
}

function requestFields(record: { readonly event: "request" } & AuditRecord) {
  const { event, identity, window, limits } = record;
  return {
    time: record.time,
    event,
    server: record.server,
    sensor: text(record.sensor),
    rpc: record.rpc,
    uid: text(record.uid),
    identity: identity
      ? {
          name: text(identity.name),
          subject: text(identity.subject),
          subjectAltName: text(identity.subjectAltName),
          fingerprint256: identity.fingerprint256,
        }
      : null,
    role: text(record.role),
    peer: text(record.peer),
    reason: text(record.reason),
    filter: text(record.filter, longestFilter),
    dialect: record.dialect ?? null,
    policy: text(record.policy, longestFilter),
    window: window ? { from: window.from, to: window.to } : null,
    limits: limits
      ? {
          maxBytes: limits.maxBytes ?? null,
          maxPackets: limits.maxPackets ?? null,
          payloadBytes: limits.payloadBytes ?? null,
        }
      : null,
    outcome: record.outcome,
    code: record.code ?? null,
    error: record.error ?? null,
    packets: record.packets ?? null,
    pcapBytes: record.pcapBytes,
    sha256: record.sha256 ?? null,
    durationMs: record.durationMs,
  };
}

// A request's text has at most 64 KiB, and a filter printed from it hardly four times that. A certificate may hold anything.
const longestFilter = 256 * 1024;
const longestText = 4096;

/** Text of a bounded length, since each character takes up to six bytes and a line has a bound. */
function text(value: string | undefined, longest = longestText): string | null {
  if (value === undefined) return null;
  if (value.length <= longest) return value;
  return `${value.slice(0, longest)}... (${value.length} characters, SHA-256 ${sha256(value)})`;
}

/** Plain ASCII: no byte of a line depends on an encoding, and no text can disguise itself on a terminal. */
function ascii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
