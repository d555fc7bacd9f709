import { describe, expect, it } from "vitest";
import { UsageError } from "../usage-error.js";
import { clientQuery, dialectOf, refuseForOriginal } from "./client-query.js";

describe("query options", () => {
  it("are read as tcpdump's language, by an original server as Stenographer's, unless said", () => {
    expect(dialectOf({}, false)).toBe("pcap");
    expect(dialectOf({}, true)).toBe("stenographer");
    expect(dialectOf({ dialect: "stenographer" }, false)).toBe("stenographer");
  });

  it("become the client's", () => {
    const window = { startNs: 1n, endNs: 1_000_000_000n };
    const options = { dialect: "stenographer", anyVlan: true, nanoseconds: true, reason: "x" } as const;
    expect(clientQuery(window, options)).toEqual({
      from: "1970-01-01T00:00:00.000000001Z",
      to: "1970-01-01T00:00:01Z",
      dialect: "stenographer",
      vlanTransparent: true,
      restoreVlanTags: undefined,
      timestampResolution: "nanoseconds",
      reason: "x",
    });
  });

  it("that an original server would drop in silence are refused by name", () => {
    expect(() => refuseForOriginal({ dialect: "stenographer", anyVlan: false })).not.toThrow();
    const options = { dialect: "pcap", restoreVlan: true, reason: "x", requireCoverage: true } as const;
    expect(() => refuseForOriginal(options)).toThrow(UsageError);
    expect(() => refuseForOriginal(options)).toThrow(
      "--dialect pcap, --restore-vlan, --reason, --require-coverage: an",
    );
    expect(() => refuseForOriginal({ anyVlan: true, nanoseconds: true })).toThrow(
      "--any-vlan, --nanoseconds:",
    );
  });
});
