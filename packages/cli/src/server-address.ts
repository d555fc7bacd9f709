import { isIPv6 } from "node:net";
import { UsageError } from "./usage-error.js";

/** HOST:PORT from what was written: the port may be missing, an IPv6 address may lack its brackets. Throws UsageError. */
export function serverAddress(text: string, defaultPort: number): string {
  const written = text.trim();
  if (isIPv6(written)) return `[${written}]:${defaultPort}`;
  const [, address, name, digits] = /^(?:\[([^\]]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/.exec(written) ?? [];
  const port = digits === undefined ? defaultPort : Number(digits);
  const isAddress = address !== undefined && isIPv6(address);
  if ((!isAddress && name === undefined) || port < 1 || port > 65_535) {
    throw new UsageError(
      `${JSON.stringify(text)} is no server; write HOST:PORT, such as sensor-1.example:8443 or [2001:db8::1]:8443`,
    );
  }
  return `${isAddress ? `[${address}]` : name}:${port}`;
}
