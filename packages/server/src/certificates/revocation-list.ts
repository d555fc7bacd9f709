import type { X509Certificate } from "node:crypto";
import { type DerValue, derTag, derValues } from "./der.js";

/** A list of certificates that their authority has revoked (a CRL, RFC 5280 section 5). */
export interface RevocationList {
  /** The list alone, PEM: OpenSSL reads no second one in a text. */
  readonly pem: string;
  /** Name of the authority, in DER. */
  readonly issuer: Uint8Array;
  readonly thisUpdate: Date;
  /** When the next list is due. From then on OpenSSL refuses everybody. Undefined: the list does not say. */
  readonly nextUpdate: Date | undefined;
  /** Serial numbers, upper-case hex as Node prints them. */
  readonly serials: ReadonlySet<string>;
}

/** Reads the lists in a PEM text, of which there may be several. Throws RangeError for what is none. */
export function parseRevocationLists(pem: string): RevocationList[] {
  const blocks = [...pem.matchAll(/-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g)];
  if (blocks.length === 0) throw new RangeError('holds no "-----BEGIN X509 CRL-----"');
  return blocks.map(([block, base64 = ""]) => ({
    pem: block,
    ...parseRevocationList(Buffer.from(base64, "base64")),
  }));
}

function parseRevocationList(der: Uint8Array): Omit<RevocationList, "pem"> {
  const [list] = inside(firstOf(der));
  const fields = inside(list);
  // The version is there or not; a signature's algorithm always follows it.
  if (fields[0]?.tag === derTag.integer) fields.shift();
  const [, issuer, thisUpdate, ...rest] = fields;
  const nextUpdate = isTime(rest[0]) ? rest.shift() : undefined;
  const revoked = rest[0]?.tag === derTag.sequence ? inside(rest[0]) : [];
  if (issuer?.tag !== derTag.sequence || !isTime(thisUpdate)) throw new RangeError("is no revocation list");
  return {
    issuer: issuer.whole,
    thisUpdate: timeOf(thisUpdate),
    nextUpdate: nextUpdate && timeOf(nextUpdate),
    serials: new Set(revoked.map((entry) => serialOf(inside(entry)[0]))),
  };
}

/** The issuer's name in a certificate, in DER: behind version, serial number and algorithm (RFC 5280 section 4.1). */
export function issuerOf(certificate: X509Certificate): Uint8Array {
  const [toBeSigned] = inside(firstOf(certificate.raw));
  const [issuer] = inside(toBeSigned)
    .filter(({ tag }) => tag === derTag.sequence)
    .slice(1);
  if (issuer === undefined) throw new RangeError("is no certificate");
  return issuer.whole;
}

/** The subject's name in a certificate, in DER: the third sequence, behind the validity. */
export function subjectOf(certificate: X509Certificate): Uint8Array {
  const [toBeSigned] = inside(firstOf(certificate.raw));
  const [, , , subject] = inside(toBeSigned).filter(({ tag }) => tag === derTag.sequence);
  if (subject === undefined) throw new RangeError("is no certificate");
  return subject.whole;
}

function firstOf(der: Uint8Array): DerValue | undefined {
  const [first] = derValues(der);
  return first;
}

function inside(value: DerValue | undefined): DerValue[] {
  if (value?.tag !== derTag.sequence) throw new RangeError("is no ASN.1 sequence");
  return [...derValues(value.contents)];
}

function isTime(value: DerValue | undefined): value is DerValue {
  return value?.tag === derTag.utcTime || value?.tag === derTag.generalizedTime;
}

/** YYMMDDHHMMSSZ up to 2049, YYYYMMDDHHMMSSZ from 2050 on (RFC 5280 section 5.1.2.4). */
function timeOf({ tag, contents }: DerValue): Date {
  const text = Buffer.from(contents).toString("latin1");
  const digits = tag === derTag.utcTime ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const time = new Date(digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Number.isNaN(time.getTime())) throw new RangeError(`${JSON.stringify(text)} is no time`);
  return time;
}

function serialOf(value: DerValue | undefined): string {
  if (value?.tag !== derTag.integer) throw new RangeError("an entry has no serial number");
  const hex = Buffer.from(value.contents)
    .toString("hex")
    .toUpperCase()
    .replace(/^(00)+(?=..)/, "");
  return hex;
}
