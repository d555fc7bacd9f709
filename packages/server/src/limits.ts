import { strictOptions } from "@stenogrpc/options";
import { captureHeaderBytes } from "@stenogrpc/pcap";
import * as z from "zod";
import { longestTimerMs } from "./longest-timer.js";

const KiB = 1024;
const count = z.int().positive();

/** Limits of a server, all optional. */
export const limitsShape = {
  /** The most pcap bytes in one answer, file header included. Default: none. */
  maxBytes: count.min(captureHeaderBytes).optional(),
  /** The most packets in one answer. Default: none. */
  maxPackets: count.optional(),
  /** The longest window of one request, in milliseconds. Default: none. */
  maxWindowMs: count.optional(),
  /** The longest one retrieval may take, in milliseconds. Default: one hour. */
  timeoutMs: count.max(longestTimerMs).default(3_600_000),
  /** Retrievals at once, over all clients. Default: 10. */
  concurrency: count.default(10),
  /** Retrievals that wait for a place. */
  queue: strictOptions({
    /** How many may wait; 0: whoever finds no place is refused at once. Default: 16. */
    length: z.int().min(0).max(10_000).default(16),
    /** The longest wait, in milliseconds. Default: 5000. */
    timeoutMs: count.max(3_600_000).default(5000),
  }).prefault({}),
  /** How long an authorize hook may take, in milliseconds. Default: 5000. */
  authorizeTimeoutMs: count.max(60_000).default(5000),
  /**
   * Whether a query that no index can narrow, without a filter or with one such as `not port 22`, may read every packet in the window. A
   * role's own filter narrows it, too. Only for sources with an index: others read all of them anyway. Default true.
   */
  allowTimeOnlyQueries: z.boolean().default(true),
  /** Bytes in one message where the client names none. Default: 256 KiB. */
  defaultChunkBytes: count.default(256 * KiB),
  /** The least a client can ask for in one message. Default: 64 KiB. */
  minChunkBytes: count.default(64 * KiB),
  /** The most a client can ask for in one message. Default: 1 MiB. */
  maxChunkBytes: count.default(1024 * KiB),
  /** The longest a client may take neither a message nor 64 KiB of one, in milliseconds; then it is let go. Default: two minutes. */
  idleTimeoutMs: count.max(longestTimerMs).default(120_000),
};

/** The same as a schema. */
export const limitsSchema = strictOptions(limitsShape);

/** What an embedder may say about limits. */
export type LimitsOptions = z.input<typeof limitsSchema>;

/** The limits in force. */
export type Limits = z.output<typeof limitsSchema>;
