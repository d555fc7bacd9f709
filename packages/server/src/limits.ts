import { sameType, strictOptions } from "@stenogrpc/options";
import { captureHeaderBytes } from "@stenogrpc/pcap";
import * as z from "zod";
import { longestTimerMs } from "./longest-timer.js";

const KiB = 1024;
const count = z.int().positive();

/** Retrievals that wait for a place. */
export interface QueueOptions {
  /** How many may wait; 0: whoever finds no place is refused at once. Default: 16. */
  length?: number | undefined;
  /** The longest wait, in milliseconds. Default: 5000. */
  timeoutMs?: number | undefined;
}

/** What an embedder may say about limits. */
export interface LimitsOptions {
  /** The most pcap bytes in one answer, file header included. Default: none. */
  maxBytes?: number | undefined;
  /** The most packets in one answer. Default: none. */
  maxPackets?: number | undefined;
  /** The longest window of one request, in milliseconds. Default: none. */
  maxWindowMs?: number | undefined;
  /** The longest one retrieval may take, in milliseconds. Default: one hour. */
  timeoutMs?: number | undefined;
  /** Retrievals at once, over all clients. Default: 10. */
  concurrency?: number | undefined;
  /** Retrievals that wait for a place. Default: 16, for 5000 ms. */
  queue?: QueueOptions | undefined;
  /** How long an authorize hook may take, in milliseconds. Default: 5000. */
  authorizeTimeoutMs?: number | undefined;
  /**
   * Whether a query that no index can narrow, without a filter or with one such as `not port 22`, may read every packet in the window. A
   * role's own filter narrows it, too. Only for sources with an index: others read all of them anyway. Default: true.
   */
  allowTimeOnlyQueries?: boolean | undefined;
  /** Bytes in one message where the client names none. Default: 256 KiB. */
  defaultChunkBytes?: number | undefined;
  /** The least bytes that a client can ask for in one message. Default: 64 KiB. */
  minChunkBytes?: number | undefined;
  /** The most bytes that a client can ask for in one message. Default: 1 MiB. */
  maxChunkBytes?: number | undefined;
  /** The longest a client may take neither a message nor 64 KiB of one, in milliseconds; then it is let go. Default: two minutes. */
  idleTimeoutMs?: number | undefined;
}

/** Limits of a server, all optional: keys of an options object. */
export const limitsShape = {
  maxBytes: count.min(captureHeaderBytes).optional(),
  maxPackets: count.optional(),
  maxWindowMs: count.optional(),
  timeoutMs: count.max(longestTimerMs).default(3_600_000),
  concurrency: count.default(10),
  queue: strictOptions({
    length: z.int().min(0).max(10_000).default(16),
    timeoutMs: count.max(3_600_000).default(5000),
  }).prefault({}),
  authorizeTimeoutMs: count.max(60_000).default(5000),
  allowTimeOnlyQueries: z.boolean().default(true),
  defaultChunkBytes: count.default(256 * KiB),
  minChunkBytes: count.default(64 * KiB),
  maxChunkBytes: count.default(1024 * KiB),
  idleTimeoutMs: count.max(longestTimerMs).default(120_000),
};

/** The same as a schema. */
export const limitsSchema = strictOptions(limitsShape);
sameType<LimitsOptions, z.input<typeof limitsSchema>>(true);

/** The limits in force. */
export type Limits = z.output<typeof limitsSchema>;
