import * as z from "zod";
import { longestTimerMs } from "../longest-timer.js";

const count = z.int().positive();
const milliseconds = count.max(longestTimerMs);

/** Limits on connections, which only a server of our own can hold. */
export interface ConnectionLimitsOptions {
  /** Connections at once, of whoever they are: each takes a file descriptor before TLS knows who it is. Default: 1024. */
  connections?: number | undefined;
  /** Connections at once from one address; of IPv6, from one network of 64 bits. Default: 256. */
  connectionsPerAddress?: number | undefined;
  /** The longest a TLS handshake may take, in milliseconds. Default: 10 000. */
  handshakeTimeoutMs?: number | undefined;
  /** The longest the body of a request may take to arrive, in milliseconds. Default: 10 000. */
  requestBodyTimeoutMs?: number | undefined;
}

/** The same: keys of `limits`. */
export const connectionLimitsShape = {
  connections: count.default(1024),
  connectionsPerAddress: count.default(256),
  handshakeTimeoutMs: milliseconds.default(10_000),
  requestBodyTimeoutMs: milliseconds.default(10_000),
};

/** Limits in force. */
export interface ConnectionLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly handshakeTimeoutMs: number;
  readonly requestBodyTimeoutMs: number;
}
