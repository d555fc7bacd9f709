import { strictOptions } from "@stenogrpc/options";
import type { RoleOptions, RuleOptions } from "@stenogrpc/server";
import * as z from "zod";
import { durationMs, flag, size, text, whole } from "./values.js";

/** One line of `access`: whoever has this name in the certificate has this role. */
export const ruleSettings = strictOptions({
  role: text("a key of roles"),
  common_name: text("a common name, or a pattern with *").optional(),
  dns: text("a DNS name, or a pattern with *").optional(),
  uri: text("a URI, or a pattern with *").optional(),
  email: text("a mail address, or a pattern with *").optional(),
  fingerprint256: text("the SHA-256 fingerprint of a certificate, in hex").optional(),
}).transform(({ common_name, ...rest }): RuleOptions => ({ ...rest, commonName: common_name }));

/** What a role may do; what is left out is as `limits` say. */
export const roleSettings = strictOptions({
  /** Sensors it holds on, by name or pattern. */
  sensors: z.array(text("a sensor's name, or a pattern with *")).min(1).optional(),
  /** Networks whose packets it may see. */
  nets: z.array(text("a network such as 10.0.0.0/8")).min(1).optional(),
  /** How far back a window may begin, and how long it may be. */
  oldest_age: durationMs.optional(),
  max_window: durationMs.optional(),
  /** The most in one answer. */
  max_bytes: size.optional(),
  max_packets: whole(1).optional(),
  /** The most that one identity gets within any hour. */
  max_bytes_per_hour: size.optional(),
  max_packets_per_hour: whole(1).optional(),
  /** Retrievals of one identity at once. */
  concurrency: whole(1).optional(),
  /** Bytes kept of each packet behind its transport header. */
  payload_bytes: size.optional(),
  /** Whether a request must say why. */
  require_reason: flag.optional(),
  /** Whether it may ask what the sensor is, and how a filter would be answered. */
  info: flag.optional(),
  explain: flag.optional(),
}).transform(
  (role): RoleOptions => ({
    sensors: role.sensors,
    nets: role.nets,
    oldestAgeMs: role.oldest_age,
    maxWindowMs: role.max_window,
    maxBytes: role.max_bytes,
    maxPackets: role.max_packets,
    maxBytesPerHour: role.max_bytes_per_hour,
    maxPacketsPerHour: role.max_packets_per_hour,
    concurrency: role.concurrency,
    payloadBytes: role.payload_bytes,
    requireReason: role.require_reason,
    info: role.info,
    explain: role.explain,
  }),
);
