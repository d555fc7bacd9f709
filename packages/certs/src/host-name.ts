import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { CertificateError } from "./certificate-error.js";
import type { JsonGeneralName } from "./x509.js";

// One label of a host name: letters, digits, hyphen (RFC 1123 section 2.1), and the underscore that machines have anyway.
const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

/**
 * The subject alternative name for one host: an IP address as iPAddress, anything else as dNSName (RFC 5280 section 4.2.1.6).
 *
 * The two must be told apart because TLS clients compare an address only with iPAddress entries (RFC 9110 section 4.3.5).
 * Throws CertificateError `host-invalid`.
 */
export function hostName(host: string): JsonGeneralName {
  const address = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  if (isIP(address) === 4) return { type: "ip", value: address };
  if (isIP(address) === 6) return { type: "ip", value: plainIpv6(address) };
  const ascii = domainToASCII(host.replace(/^\*\./, ""));
  const labels = ascii.replace(/\.$/, "").split(".");
  // A name that ends in a number is a mistyped address, in every browser and in WHATWG URL ("ends in a number checker").
  const endsInNumber = /^\d+$/.test(labels.at(-1) ?? "");
  if (ascii.length > 253 || endsInNumber || !labels.every((part) => label.test(part))) {
    throw new CertificateError(
      "host-invalid",
      `${JSON.stringify(host)} is neither a DNS name nor an IP address`,
    );
  }
  return { type: "dns", value: (host.startsWith("*.") ? "*." : "") + labels.join(".") };
}

/** Eight groups in hex without a dotted tail, the only form that the encoder reads right. */
function plainIpv6(address: string): string {
  try {
    return new URL(`https://[${address}]`).hostname.slice(1, -1);
  } catch {
    // isIP accepts a zone ("fe80::1%eth0"); a certificate cannot carry one.
    throw new CertificateError(
      "host-invalid",
      `${JSON.stringify(address)} has a zone, which a certificate cannot name`,
    );
  }
}
