import { describe, expect, it } from "vitest";
import { parseStenographerConfig } from "./stenographer-config.js";

describe("parseStenographerConfig", () => {
  it("has stenotype's and stenographer's defaults", () => {
    expect(parseStenographerConfig("{}")).toEqual({
      host: "127.0.0.1",
      port: 1234,
      threads: [],
      certPath: "/etc/stenographer/certs",
      fileAgeSeconds: 60,
      blockageSeconds: 10,
    });
  });

  it("reads keys in any case, as Go does", () => {
    const threads = [{ packetsdirectory: "/p", INDEXDIRECTORY: "/i" }];
    const config = { host: "h", PORT: 5, threads, flags: ["--fileage_sec=300"] };
    expect(parseStenographerConfig(JSON.stringify(config))).toMatchObject({
      host: "h",
      port: 5,
      threads: [{ packetsDirectory: "/p", indexDirectory: "/i" }],
      fileAgeSeconds: 300,
    });
  });

  it.each([
    [["--fileage_sec=300"], 300, 10],
    [["-fileage_sec=300", "--fileage_sec=30"], 30, 10],
    [["--fileage_sec", "300", "--blockage_sec", "7"], 300, 7],
    [["--fileage=300", "--blocka", "7"], 300, 7],
    [["--filesize_mb=100", "--blocks=300", "-v", "--preallocate_file_mb=4096"], 60, 10],
    [["--file", "--block=5", "--fileage_secs=5"], 60, 10], // stenotype refuses them
  ])("reads %j as stenotype does", (Flags, fileAgeSeconds, blockageSeconds) => {
    expect(parseStenographerConfig(JSON.stringify({ Flags }))).toMatchObject({
      fileAgeSeconds,
      blockageSeconds,
    });
  });

  it.each([[["--fileage_sec=5m"]], [["--fileage_sec"]], [["--blockage_sec="]], [["--fileage_sec", "-v"]]])(
    "refuses %j rather than take the default",
    (Flags) => {
      expect(() => parseStenographerConfig(JSON.stringify({ Flags }))).toThrow(/has no number of seconds/);
    },
  );
});
