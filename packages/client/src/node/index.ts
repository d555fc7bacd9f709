export type { DescribeSensorOptions, StenographerClient } from "../client.js";
export type { Coverage, CoverageGap, Covered, GapCause } from "../coverage.js";
export type { ClientOptions } from "../create-client.js";
export type { Damage } from "../damage.js";
export type { StenographerErrorCategory } from "../error-category.js";
export type { ExplainOptions, FetchPcapOptions } from "../fetch-options.js";
export type { Completeness, FetchResult, StoppedByLimit, Verdict, Verification } from "../fetch-result.js";
export type { FilterDialect, FilterText, PrintableFilter } from "../filter-dialect.js";
export type { PcapFetch } from "../pcap-fetch.js";
export type { QueryCost, QueryExplanation } from "../query-explanation.js";
export { type FetchResultJson, resultJson } from "../result-json.js";
export type { SensorDescription, SensorLimits } from "../sensor-description.js";
export {
  type FilterProblemDetail,
  StenographerError,
  type StenographerErrorCode,
  type StenographerErrorFields,
} from "../stenographer-error.js";
export { type StenographerReason, stenographerReasons } from "../stenographer-reason.js";
export type { TimeInput } from "../time.js";
export {
  type ClientTlsOptions,
  createStenographerClient,
  type NodeClientOptions,
  type NodeStenographerClient,
} from "./create-client.js";
export { type Manifest, manifestSuffix } from "./evidence/manifest.js";
export {
  type EvidenceProblem,
  type EvidenceProblemKind,
  type EvidenceVerification,
  type VerifyEvidenceOptions,
  verifyEvidence,
} from "./evidence/verify-evidence.js";
export type { NodePcapFetch, SavedPcap, ToFileOptions } from "./node-pcap-fetch.js";
export type { FetchProgress } from "./progress.js";
export type { PemInput } from "./tls-material.js";

// What our own packages need besides.

export { timeJson } from "../result-json.js";
export { damageInWords, uncoveredText } from "../shortcomings.js";
export { formatTime } from "../time.js";
export { parseServerAddress } from "./server-address.js";
