import { sameType, strictOptions } from "@stenogrpc/options";
import { captureHeaderBytes, recordHeaderBytes } from "@stenogrpc/pcap";
import type { FilterNode } from "@stenogrpc/query";
import { net, or } from "@stenogrpc/query";
import * as z from "zod";
import type { Limits } from "../limits.js";
import { glob } from "./glob.js";

const count = z.int().positive();
/** The least that one packet takes. */
const onePacketBytes = captureHeaderBytes + recordHeaderBytes;

const network = z.string().superRefine((text, context) => {
  const problem = networkProblem(text);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

function networkProblem(text: string): string | undefined {
  try {
    const { node } = net(text);
    // The filter language takes `::ffff:10.0.0.0` for 10.0.0.0, whose prefixes are others.
    const isMapped = node.kind === "net" && node.address.version === 4 && text.includes(":");
    return isMapped ? "must be written as the IPv4 network that it means" : undefined;
  } catch (error) {
    return (error as RangeError).message; // what net() throws
  }
}

/** What whoever has a role may do, as a configuration or an authorize hook says it. Everything left out is as the server's limits say. */
export interface RoleOptions {
  /** Names of the sensors it holds on, exact or with `*`: one file can serve a fleet. Default: all. */
  sensors?: string[] | undefined;
  /**
   * Networks whose packets it may see, as `10.1.0.0/16` or `2001:db8::/32`; at most 256. A packet passes where the source or
   * destination of its first IP header is in one of them, behind VLAN tags and MPLS labels, too. What has no IP header (ARP,
   * a frame cut before the addresses) does not pass, and what lies inside a tunnel does not count. Default: all.
   */
  nets?: string[] | undefined;
  /** How far back its windows may begin, in milliseconds. Default: no bound. */
  oldestAgeMs?: number | undefined;
  /** Longest window, in milliseconds. Default: the server's. */
  maxWindowMs?: number | undefined;
  /** The most pcap bytes in one answer, file header included. Default: the server's. */
  maxBytes?: number | undefined;
  /** The most packets in one answer. Default: the server's. */
  maxPackets?: number | undefined;
  /** The most pcap bytes that one identity gets within any hour. Default: no bound. */
  maxBytesPerHour?: number | undefined;
  /** The most packets that one identity gets within any hour. Default: no bound. */
  maxPacketsPerHour?: number | undefined;
  /** Retrievals of one identity at once, those that wait for a place included. Default: the server's. */
  concurrency?: number | undefined;
  /** Bytes kept of each packet behind its transport header; 0: headers only. Default: packets as captured. */
  payloadBytes?: number | undefined;
  /** Whether a request must say why. Default: false. */
  requireReason?: boolean | undefined;
  /** Whether it may ask DescribeSensor. Default: true. */
  info?: boolean | undefined;
  /** Whether it may ask ExplainQuery. Default: true. */
  explain?: boolean | undefined;
}

/** The same as a schema. */
export const roleSchema = strictOptions({
  sensors: z.array(z.string().min(1)).min(1).optional(),
  nets: z.array(network).min(1).max(256).optional(),
  oldestAgeMs: count.optional(),
  maxWindowMs: count.optional(),
  maxBytes: count.min(captureHeaderBytes).optional(),
  maxPackets: count.optional(),
  maxBytesPerHour: count.min(onePacketBytes).optional(),
  maxPacketsPerHour: count.optional(),
  concurrency: count.optional(),
  payloadBytes: z.int().min(0).max(0xffff_ffff).optional(),
  requireReason: z.boolean().default(false),
  info: z.boolean().default(true),
  explain: z.boolean().default(true),
});
sameType<RoleOptions, z.input<typeof roleSchema>>(true);

/** A role in force. */
export interface Role extends Omit<z.output<typeof roleSchema>, "sensors" | "nets"> {
  /** Whether it holds on a sensor. */
  readonly allowsSensor: (sensor: string) => boolean;
  /** What every packet must match besides the filter; undefined: nothing. */
  readonly policy: FilterNode | undefined;
}

/** Makes a role of options that roleSchema has checked. */
export function roleOf({ sensors, nets, ...rest }: z.output<typeof roleSchema>): Role {
  return {
    ...rest,
    allowsSensor: sensorTest(sensors),
    policy: nets && or(...nets.map((text) => net(text))).node,
  };
}

/** The role of everyone where nothing says who may do what. */
export const anyone: Role = roleOf(roleSchema.parse({}));

/** The server's limits, lowered to the role's. */
export function limitsFor(role: Role, limits: Limits): Limits {
  return {
    ...limits,
    maxBytes: lower(role.maxBytes, limits.maxBytes),
    maxPackets: lower(role.maxPackets, limits.maxPackets),
    maxWindowMs: lower(role.maxWindowMs, limits.maxWindowMs),
    concurrency: Math.min(role.concurrency ?? limits.concurrency, limits.concurrency),
  };
}

function lower(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function sensorTest(patterns: readonly string[] | undefined): (sensor: string) => boolean {
  if (patterns === undefined) return () => true;
  const tests = patterns.map((pattern) => glob(pattern, "/"));
  return (sensor) => tests.some((test) => test(sensor));
}
