import { isIPv6 } from "node:net";
import { optionsInvalid } from "../check-options.js";

/** Port of stenogrpc servers, as of the original. */
export const defaultPort = 8443;

/** Where a server listens. */
export interface ServerAddress {
  /** DNS name or IP address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host:port`, as people write it. */
  readonly text: string;
}

const bracketed = /^\[([^\]]*)\](?::(.*))?$/;

/**
 * Reads `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address; the port is 8443 where none is given.
 *
 * @throws StenographerError `OPTIONS_INVALID`
 */
export function parseServerAddress(text: string): ServerAddress {
  if (text.includes("://")) throw refuse(text, "leave out the scheme: the connection is always TLS");
  const { host, port } = split(text);
  if (host === "") throw refuse(text, "the host is missing");
  if (/[\s/?#@\\]/.test(host)) throw refuse(text, "that is no host name");
  const number = port === undefined ? defaultPort : /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) throw refuse(text, "the port must be 1 to 65535");
  return { host, port: number, text: `${host.includes(":") ? `[${host}]` : host}:${number}` };
}

function split(text: string): { host: string; port: string | undefined } {
  const brackets = bracketed.exec(text);
  if (brackets) {
    const [, host = "", port] = brackets;
    if (!isIPv6(host)) throw refuse(text, "what stands in brackets is no IPv6 address");
    return { host, port };
  }
  if (isIPv6(text)) return { host: text, port: undefined };
  const colon = text.indexOf(":");
  if (colon !== text.lastIndexOf(":")) throw refuse(text, "write an IPv6 address in brackets: [::1]:8443");
  return colon === -1
    ? { host: text, port: undefined }
    : { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function refuse(text: string, problem: string) {
  return optionsInvalid(`server: ${JSON.stringify(text)} is no address; ${problem}`);
}
