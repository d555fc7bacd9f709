import { expect, it } from "vitest";
import { serverAddress } from "./server-address.js";

it.each([
  ["sensor-1.example:9000", "sensor-1.example:9000"],
  ["sensor-1.example", "sensor-1.example:8443"],
  ["10.0.0.5", "10.0.0.5:8443"],
  ["[2001:db8::1]:9000", "[2001:db8::1]:9000"],
  ["[2001:db8::1]", "[2001:db8::1]:8443"],
  ["2001:db8::1", "[2001:db8::1]:8443"],
])("reads %s as %s", (text, address) => {
  expect(serverAddress(text, 8443)).toBe(address);
});

it.each(["", ":8443", "a:0", "a:65536", "https://a:8443", "a b:8443", "[10.0.0.5]:8443", "a:b", "u@a:8443"])(
  "refuses %j",
  (text) => {
    expect(() => serverAddress(text, 8443)).toThrow("write HOST:PORT");
  },
);
