import { expect, it } from "vitest";
import { isPemText } from "./index.js";

const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

it.each([
  ["PEM", pem],
  ["PEM behind blank lines", `\n\n  \n${pem}`],
  ["PEM behind a comment, as openssl writes it", `subject=CN=sensor\n${pem}`],
  ["PEM behind a byte order mark", `\uFEFF${pem}`],
  ["PEM with the line ends of Windows", pem.replaceAll("\n", "\r\n")],
  ["PEM with the line ends of old Macs", pem.replaceAll("\n", "\r")],
  [
    "PEM without its line breaks, as a variable of an environment may have it",
    ` ${pem.replaceAll("\n", " ")}`,
  ],
  ["a key without its first and last line", "MC4CAQAwBQYDK2VwBCIEIAAA\nAAAA\n"],
])("%s is text", (_, text) => {
  expect(isPemText(text)).toBe(true);
});

it.each([
  "ca.pem",
  "/etc/BEGIN/ca.pem",
  "pki/-----BEGIN-----.pem",
  "C:\\pki\\BEGIN CERTIFICATE.pem",
  " pki/ca.pem",
  "-----begin certificate-----",
])("%j is a path", (path) => {
  expect(isPemText(path)).toBe(false);
});
