import { basename } from "node:path";
import type { FetchPlan } from "../../fetch-options.js";
import type { FetchResult } from "../../fetch-result.js";
import { coverageJson, timeJson, windowJson } from "../../result-json.js";
import { version } from "../../version.js";
import type { Manifest } from "./manifest.js";

/** Who answered, as the client saw it. */
export interface ServerPeer {
  /** What was dialled: host and port. */
  readonly address: string;
  /** The certificate that it showed. */
  readonly certificate: Manifest["server"]["certificate"];
}

/** What there is to tell of a retrieval that has ended well. */
export interface EndedRetrieval {
  readonly plan: FetchPlan;
  readonly result: FetchResult;
  readonly server: ServerPeer;
  readonly requestedAt: Date;
  readonly endedAt: Date;
}

/** The manifest of the file that a retrieval was saved to. */
export function describeRetrieval(file: string, ended: EndedRetrieval): Manifest {
  const { plan, result, server } = ended;
  return {
    format: "stenogrpc-manifest",
    version: 1,
    file: { name: basename(file), bytes: result.pcapBytes, sha256: result.sha256 },
    request: {
      uid: plan.uid,
      reason: plan.reason ?? null,
      requestedAt: ended.requestedAt.toISOString(),
      endedAt: ended.endedAt.toISOString(),
      window: windowJson(plan.window),
      filter: plan.filter,
      dialect: plan.dialect ?? null,
      vlanTransparent: plan.vlanTransparent,
      restoreVlanTags: plan.restoreVlanTags,
      timestampResolution: plan.timestampResolution ?? null,
      requireCoverage: plan.requireCoverage,
      maxBytes: plan.maxBytes ?? null,
      maxPackets: plan.maxPackets ?? null,
    },
    server: {
      ...server,
      version: result.serverVersion || null,
      sensor: result.sensor || null,
      source: result.source || null,
    },
    client: {
      identity: result.clientIdentity || null,
      version: `stenogrpc/${version}`,
      node: process.version,
    },
    plan: {
      window: windowJson(result.window),
      filter: result.filter,
      dialect: result.filterDialect ?? null,
      policyFilter: result.policyFilter || null,
      payloadLimitBytes: result.payloadLimitBytes ?? null,
    },
    result: {
      verdict: result.verdict,
      stoppedBy: result.stoppedBy,
      verification: result.verification,
      completeness: result.completeness,
      packets: result.packets,
      firstPacket: timeJson(result.firstPacketNs),
      lastPacket: timeJson(result.lastPacketNs),
      recordsSeen: result.recordsSeen,
      recordsOutsideWindow: result.recordsOutsideWindow,
      recordsUnmatched: result.recordsUnmatched,
      recordsBehindVlan: result.recordsBehindVlan,
      ...coverageJson(result),
      covered: result.covered,
      warnings: [...result.warnings],
      shortcomings: [...result.shortcomings],
    },
  };
}
