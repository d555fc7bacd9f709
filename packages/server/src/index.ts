export { type OptionProblem, OptionsError } from "@stenogrpc/options";
export type { Authorize, AuthorizeContext, Decision, Rpc } from "./access/access.js";
export type { RoleOptions } from "./access/role.js";
export type { RuleOptions } from "./access/rules.js";
export type { PemInput } from "./certificates/read-pem.js";
export type { RefusedCertificates, TlsOptions } from "./certificates/tls-options.js";
export type { ConnectionLimitsOptions } from "./connections/connection-limits.js";
export type { SensorHealth } from "./health-check.js";
export type { ClientIdentity } from "./identity.js";
export type { LimitsOptions, QueueOptions } from "./limits.js";
export type { Logger } from "./logger.js";
export type {
  CertificateMetrics,
  ConnectionMetrics,
  ReloadMetrics,
  RetrievalMetrics,
  SensorMetrics,
  ServerMetrics,
  ShortfallMetrics,
} from "./metrics.js";
export { prometheusText } from "./prometheus-text.js";
export {
  createStenographerServer,
  type ServerLimitsOptions,
  type ServerOptions,
  type StenographerServer,
} from "./server.js";
export type { DirectoryOptions } from "./sources/directory/directory-options.js";
export { directorySource } from "./sources/directory/directory-source.js";
export type { StenographerOptions } from "./sources/stenographer/stenographer-options.js";
export { stenographerSource } from "./sources/stenographer/stenographer-source.js";
export type {
  StenographerFilesOptions,
  ThreadFoldersOptions,
} from "./sources/stenographer-files/stenographer-files-source.js";
export { stenographerFilesSource } from "./sources/stenographer-files/stenographer-files-source.js";
export type { StenoreadOptions } from "./sources/stenoread/stenoread-source.js";
export { stenoreadSource } from "./sources/stenoread/stenoread-source.js";

// To keep an audit log, and to check one.

export { AuditError, type AuditErrorKind } from "./audit/audit-error.js";
export type { AuditFileOptions, AuditOptions } from "./audit/audit-options.js";
export type {
  AuditIdentity,
  AuditOutcome,
  AuditReceipt,
  AuditRecord,
  AuditSink,
} from "./audit/audit-record.js";
export {
  type AuditProblem,
  type AuditProblemKind,
  type AuditVerification,
  type VerifyAuditLogOptions,
  verifyAuditLog,
} from "./audit/verify-audit-log.js";

// To serve packets from a service of your own.

export { sendPacketsDirectly } from "./http2/send-directly.js";
export { clientIdentity, clientIdentityKey } from "./identity.js";
export { type SensorRoutes, stenographerRoutes } from "./routes.js";
export type { SensorOptions } from "./sensor-service.js";

// To write a source of your own.

export { decodeOutput } from "./sources/decode-output.js";
export {
  type OpenSource,
  type PacketSource,
  type RetrievalPlan,
  type SourceAbilities,
  type SourceCost,
  type SourceDescription,
  SourceError,
  type SourceErrorKind,
} from "./sources/packet-source.js";
export type { Coverage, CoverageGap, Damage, SourceOutcome } from "./sources/source-outcome.js";
