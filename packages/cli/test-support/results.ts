import type { CoverageGap, Damage, FetchResult } from "@stenogrpc/client/node";

/** A minute from 2026-01-02T03:04:05Z on. */
export const window = { startNs: 1_767_323_045_000_000_000n, endNs: 1_767_323_105_000_000_000n };

/** A complete answer for it. */
export const result: FetchResult = {
  uid: "a-1",
  verdict: "complete",
  stoppedBy: "nothing",
  packets: 1234,
  pcapBytes: 2048,
  sha256: "ab".repeat(32),
  firstPacketNs: window.startNs,
  lastPacketNs: window.startNs,
  source: "directory",
  sensor: "lab",
  serverVersion: "stenogrpc/0.1.0",
  clientIdentity: "analyst",
  window,
  filter: "port 53",
  filterDialect: "pcap",
  policyFilter: "",
  payloadLimitBytes: undefined,
  completeness: "unproved",
  coverage: { gaps: [] },
  covered: "all",
  damage: [],
  shortcomings: [],
  recordsSeen: 1234,
  recordsOutsideWindow: 0,
  recordsUnmatched: 0,
  recordsBehindVlan: 0,
  clockSkewMs: 0,
  warnings: [],
  verification: "full",
  retries: 0,
};

/** Its first ten seconds, which the sensor no longer has. */
export const gap: CoverageGap = {
  startNs: window.startNs,
  endNs: window.startNs + 10_000_000_000n,
  reason: "aged-out",
};

/** A block that cost packets. */
export const lost: Damage = {
  file: "1767323045",
  thread: 1,
  block: 3,
  offset: 3_145_728,
  what: "bad length",
  losesPackets: true,
};
