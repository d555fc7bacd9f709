import { expect, it } from "vitest";
import { askedText } from "./asked-text.js";

const opened = { server: "sensor-1:8443", identity: "CN=analyst", originalServer: false };
const plain = askedText(opened, { config: "c" });

it("says whom a row asks, as whom, and with what", () => {
  expect(plain).toBe("server sensor-1:8443; client CN=analyst; dialect pcap");
  expect(askedText({ ...opened, originalServer: true }, { config: "c" })).toBe(
    "server sensor-1:8443; client CN=analyst; original_server; dialect stenographer",
  );
});

it.each([
  { dialect: "stenographer" },
  { anyVlan: true },
  { restoreVlan: true },
  { nanoseconds: true },
  { requireCoverage: true },
  { maxBytes: 100 },
  { maxPackets: 100 },
] as const)("differs with %j", (options) => {
  expect(askedText(opened, { config: "c", ...options })).not.toBe(plain);
});

it.each([
  { dialect: "pcap" },
  { anyVlan: false, nanoseconds: false },
  { reason: "case 4711", timeout: 5, quiet: true, json: true, manifest: true, overwrite: true },
] as const)("is the same with %j, which changes no packet", (options) => {
  expect(askedText(opened, { config: "c", ...options })).toBe(plain);
});
