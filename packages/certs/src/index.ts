export {
  type CertificateAuthority,
  type ClientCertificateOptions,
  createCertificateAuthority,
  type Identity,
  openCertificateAuthority,
  type ServerCertificateOptions,
} from "./certificate-authority.js";
export { CertificateError } from "./certificate-error.js";
export type { RevocationList } from "./read-revocation-list.js";
export type { RevocationListOptions, RevokedCertificate } from "./revocation-list.js";
export type { ValidityOptions } from "./validity.js";
