import * as z from "zod";
import { parseTime } from "../../time.js";

/** What a file's manifest is called: the file's own name and this. */
export const manifestSuffix = ".manifest.json";

const time = z.iso.datetime().refine(isTime, "is no time that a packet can have");
const count = z.int().nonnegative();
const window = z.object({ start: time, end: time });
const dialect = z.enum(["pcap", "stenographer"]).nullable();

/** Reads a manifest. What is null was not said or not known. Later versions may add fields. */
export const manifestSchema = z.object({
  format: z.literal("stenogrpc-manifest"),
  version: z.literal(1),
  /** The file that it describes. */
  file: z.object({ name: z.string(), bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  /** What was asked. */
  request: z.object({
    uid: z.string(),
    reason: z.string().nullable(),
    requestedAt: time,
    endedAt: time,
    window,
    filter: z.string(),
    dialect,
    vlanTransparent: z.boolean(),
    restoreVlanTags: z.boolean(),
    timestampResolution: z.enum(["microseconds", "nanoseconds"]).nullable(),
    requireCoverage: z.boolean(),
    maxBytes: count.nullable(),
    maxPackets: count.nullable(),
  }),
  /** Of whom: what was dialled, the certificate that it showed, and what it says of itself. */
  server: z.object({
    address: z.string(),
    certificate: z
      .object({ subject: z.string(), subjectAltName: z.string().nullable(), fingerprint256: z.string() })
      .nullable(),
    version: z.string().nullable(),
    sensor: z.string().nullable(),
    source: z.string().nullable(),
  }),
  /** By whom: as the server read it from the certificate, and with which software. */
  client: z.object({ identity: z.string().nullable(), version: z.string(), node: z.string() }),
  /** What the server made of it. */
  plan: z.object({
    window,
    filter: z.string(),
    dialect,
    /** What every packet had to match besides, by the client's role. */
    policyFilter: z.string().nullable(),
    /** Bytes kept of each packet behind its transport header, by the client's role. */
    payloadLimitBytes: count.nullable(),
  }),
  /** What came of it. */
  result: z.object({
    verdict: z.enum(["complete", "truncated", "incomplete", "no-packets"]),
    stoppedBy: z.enum(["nothing", "max-bytes", "max-packets", "server-limit", "budget"]),
    verification: z.enum(["full", "structure-only"]),
    completeness: z.enum(["proved", "unproved", "unstated"]),
    packets: count,
    firstPacket: time.nullable(),
    lastPacket: time.nullable(),
    recordsSeen: count,
    recordsOutsideWindow: count,
    recordsUnmatched: count,
    /** Absent in manifests from before it was counted. */
    recordsBehindVlan: count.optional(),
    coverage: z
      .object({
        oldestPacket: time.nullable(),
        newestPacket: time.nullable(),
        gaps: z.array(
          z.object({
            start: time,
            end: time,
            reason: z.enum(["aged-out", "not-yet-written", "missing", "unstated"]),
            expectedAt: time.nullable(),
          }),
        ),
      })
      .nullable(),
    /** How much of the window's time that is. Absent likewise. */
    covered: z.enum(["all", "part", "none", "unknown"]).optional(),
    damage: z.array(
      z.object({
        file: z.string(),
        thread: count,
        block: count.nullable(),
        offset: count.nullable(),
        what: z.string(),
        losesPackets: z.boolean(),
      }),
    ),
    warnings: z.array(z.string()),
    /** What the answer lacks, in words. Absent in manifests from before they were kept. */
    shortcomings: z.array(z.string()).optional(),
  }),
});

/** What a capture's manifest says: what was asked, of whom, by whom, and what came of it. Times are RFC 3339. */
export type Manifest = z.output<typeof manifestSchema>;

function isTime(text: string): boolean {
  try {
    parseTime(text, "time");
    return true;
  } catch {
    return false;
  }
}
