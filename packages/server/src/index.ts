export type { Authorize, AuthorizeContext, Decision, Rpc } from "./access/access.js";
export type { RoleOptions } from "./access/role.js";
export type { RuleOptions } from "./access/rules.js";
export { AuditError, type AuditErrorKind } from "./audit/audit-error.js";
export type { AuditOptions } from "./audit/audit-options.js";
export type {
  AuditIdentity,
  AuditOutcome,
  AuditReceipt,
  AuditRecord,
  AuditSink,
} from "./audit/audit-record.js";
export type {
  AuditProblem,
  AuditProblemKind,
  AuditVerification,
  VerifyAuditLogOptions,
} from "./audit/verify-audit-log.js";
export { verifyAuditLog } from "./audit/verify-audit-log.js";
export type { RefusedCertificates, TlsOptions } from "./certificates/tls-options.js";
export { sendPacketsDirectly } from "./http2/send-directly.js";
export type { ClientIdentity } from "./identity.js";
export { clientIdentity, clientIdentityKey } from "./identity.js";
export type { LimitsOptions } from "./limits.js";
export type { Logger } from "./logger.js";
export type {
  CertificateMetrics,
  ConnectionMetrics,
  ReloadMetrics,
  RetrievalMetrics,
  ServerMetrics,
} from "./metrics.js";
export type { SensorRoutes } from "./routes.js";
export { stenographerRoutes } from "./routes.js";
export type { SensorOptions } from "./sensor-service.js";
export type { ServerOptions, StenographerServer } from "./server.js";
export { createStenographerServer } from "./server.js";
// For the command line, which knows sources by configuration.
export type { SourceConfig } from "./sources/create-source.js";
export { createSource } from "./sources/create-source.js";
// To write a source of your own.
export { decodeOutput } from "./sources/decode-output.js";
export type { DirectoryOptions } from "./sources/directory/directory-source.js";
export { directorySource } from "./sources/directory/directory-source.js";
export type {
  OpenSource,
  PacketSource,
  RetrievalPlan,
  SourceAbilities,
  SourceCost,
  SourceDescription,
  SourceErrorKind,
} from "./sources/packet-source.js";
export { SourceError } from "./sources/packet-source.js";
export type { Coverage, CoverageGap, Damage, SourceOutcome } from "./sources/source-outcome.js";
export type { StenographerOptions } from "./sources/stenographer/stenographer-options.js";
export { stenographerSource } from "./sources/stenographer/stenographer-source.js";
export type { StenographerFilesOptions } from "./sources/stenographer-files/stenographer-files-source.js";
export { stenographerFilesSource } from "./sources/stenographer-files/stenographer-files-source.js";
export type { StenoreadOptions } from "./sources/stenoread/stenoread-source.js";
export { stenoreadSource } from "./sources/stenoread/stenoread-source.js";
export { version } from "./version.js";
