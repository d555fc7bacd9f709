import { describe, expect, it } from "vitest";
import { failureOf } from "../../test-support/failure.js";
import { baseUrl } from "./connection/connection-manager.js";
import { parseServerAddress } from "./server-address.js";

describe("parseServerAddress", () => {
  it.each([
    ["sensor.example", "sensor.example", 8443, "sensor.example:8443", "https://sensor.example:8443"],
    ["sensor.example:443", "sensor.example", 443, "sensor.example:443", "https://sensor.example:443"],
    ["10.0.0.1:9000", "10.0.0.1", 9000, "10.0.0.1:9000", "https://10.0.0.1:9000"],
    ["::1", "::1", 8443, "[::1]:8443", "https://[::1]:8443"],
    ["[2001:db8::7]", "2001:db8::7", 8443, "[2001:db8::7]:8443", "https://[2001:db8::7]:8443"],
    ["[2001:db8::7]:9000", "2001:db8::7", 9000, "[2001:db8::7]:9000", "https://[2001:db8::7]:9000"],
    ["[fe80::1%eth0]:9000", "fe80::1%eth0", 9000, "[fe80::1%eth0]:9000", "https://[fe80::1]:9000"],
  ])("reads %s", (input, host, port, text, url) => {
    const address = parseServerAddress(input);
    expect(address).toEqual({ host, port, text });
    expect(baseUrl(address)).toBe(url);
    expect(() => new URL(baseUrl(address))).not.toThrow();
  });

  it.each([
    ["https://sensor:8443", /leave out the scheme/],
    ["", /the host is missing/],
    [":8443", /the host is missing/],
    ["sensor:0", /the port must be 1 to 65535/],
    ["sensor:65536", /the port must be/],
    ["sensor:", /the port must be/],
    ["sensor:http", /the port must be/],
    ["1:2:3", /write an IPv6 address in brackets/],
    ["[sensor]:8443", /no IPv6 address/],
    ["sensor/path", /no host name/],
    ["a b", /no host name/],
    ["user@sensor", /no host name/],
  ])("refuses %j and says why", async (input, message) => {
    const failure = await failureOf(() => parseServerAddress(input));
    expect(failure.reason).toBe("OPTIONS_INVALID");
    expect(failure.message).toMatch(message);
  });
});
