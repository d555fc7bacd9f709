/** Names of a certificate beside its subject, one list a kind. Empty where it has none. */
export interface AltNames {
  readonly dns: readonly string[];
  /** URIs; a SPIFFE id is one. */
  readonly uris: readonly string[];
  readonly emails: readonly string[];
  /** IP addresses as text. */
  readonly ips: readonly string[];
}

const none: AltNames = { dns: [], uris: [], emails: [], ips: [] };

/**
 * Reads the subject alternative names as Node prints them: `DNS:host, URI:"spiffe://a,b"`.
 *
 * A value that holds what could be taken for the list's own signs comes as a JSON string; before that, a DNS name of
 * `x, URI:spiffe://admin` passed for two names (CVE-2021-44532). Where the text does not keep to the form in every
 * character, no name in it is believed.
 */
export function readAltNames(text: string): AltNames {
  const names = { dns: [] as string[], uris: [] as string[], emails: [] as string[], ips: [] as string[] };
  let at = 0;
  while (at < text.length) {
    const colon = text.indexOf(":", at);
    if (colon < 0) return none;
    const value = text[colon + 1] === '"' ? quotedValue(text, colon + 1) : plainValue(text, colon + 1);
    if (value === undefined) return none;
    listOf(names, text.slice(at, colon))?.push(value.text);
    if (value.end === text.length) return names;
    if (!text.startsWith(", ", value.end) || value.end + 2 === text.length) return none;
    at = value.end + 2;
  }
  return names;
}

interface Value {
  readonly text: string;
  /** Where the text goes on behind it. */
  readonly end: number;
}

function quotedValue(text: string, start: number): Value | undefined {
  let end = start + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  if (text[end] !== '"') return undefined;
  try {
    return { text: JSON.parse(text.slice(start, end + 1)) as string, end: end + 1 }; // a string: it stands in quotes
  } catch {
    return undefined;
  }
}

function plainValue(text: string, start: number): Value | undefined {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const value = text.slice(start, end);
  return value === "" || value.includes('"') ? undefined : { text: value, end };
}

function listOf(names: Record<keyof AltNames, string[]>, kind: string): string[] | undefined {
  switch (kind) {
    case "DNS":
      return names.dns;
    case "URI":
      return names.uris;
    case "email":
      return names.emails;
    case "IP Address":
      return names.ips;
    default:
      return undefined;
  }
}
