import { FilterDialect, TimestampResolution } from "@stenogrpc/protocol";
import { describe, expect, it } from "vitest";
import { hour, noonNs } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { type FetchPcapOptions, planFetch } from "./fetch-options.js";
import { explainedRequest, originalRequestMessage, requestMessage } from "./request-message.js";

const plan = (options: Partial<FetchPcapOptions> = {}) => planFetch({ ...hour, uid: "u1", ...options }, {});
const noonSeconds = noonNs / 1_000_000_000n;

describe("the request", () => {
  it("carries the exact window", () => {
    const message = requestMessage(plan({ from: noonNs + 5n, to: noonNs + 1_500_000_000n }));
    expect(message.start).toMatchObject({ seconds: noonSeconds, nanos: 5 });
    expect(message.end).toMatchObject({ seconds: noonSeconds + 1n, nanos: 500_000_000 });
  });

  it.each([
    ["whole seconds: the last second is not wanted", 0n, 2_000_000_000n, 0n, 1n],
    ["a part of a second at the end: that second is wanted", 0n, 2_000_000_001n, 0n, 2n],
    ["less than a second within one", 100n, 200n, 0n, 0n],
    ["a start within a second", 1_999_999_999n, 3_000_000_000n, 1n, 2n],
  ])("gives older servers the seconds around it, both included: %s", (_, from, to, start, end) => {
    const message = requestMessage(plan({ from: noonNs + from, to: noonNs + to }));
    expect(message.epochStart).toBe(noonSeconds + start);
    expect(message.epochEnd).toBe(noonSeconds + end);
  });

  it("leaves what is not said to the server", () => {
    expect(requestMessage(plan()).request).toMatchObject({
      uid: "u1",
      chunkSize: 0n,
      maxSize: 0n,
      maxPackets: 0n,
    });
  });

  it("names the language of its filter, and none without one", () => {
    expect(requestMessage(plan({ filter: "icmp" })).dialect).toBe(FilterDialect.PCAP);
    expect(requestMessage(plan({ filter: "icmp", dialect: "stenographer" })).dialect).toBe(
      FilterDialect.STENOGRAPHER,
    );
    expect(requestMessage(plan({ dialect: "stenographer" })).dialect).toBe(FilterDialect.UNSPECIFIED);
  });

  it("takes what is readable of a damaged source, since this client knows it for what it is", () => {
    expect(requestMessage(plan()).acceptIncomplete).toBe(true);
  });

  it("carries the reason, also where it is only to be explained", () => {
    const asked = plan({ reason: "case 4711" });
    expect(requestMessage(asked).reason).toBe("case 4711");
    expect(explainedRequest(asked).reason).toBe("case 4711");
    expect(requestMessage(plan()).reason).toBe("");
  });

  it("carries what is wanted of tags and times", () => {
    const options = { vlanTransparent: true, restoreVlanTags: true } as const;
    const nano = requestMessage(plan({ ...options, timestampResolution: "nanoseconds" }));
    expect(nano).toMatchObject({ vlanTransparent: true, restoreVlanTags: true });
    expect(nano.request?.timestampResolution).toBe(TimestampResolution.NANOSECONDS);
    const micro = requestMessage(plan({ timestampResolution: "microseconds" }));
    expect(micro).toMatchObject({ vlanTransparent: false, restoreVlanTags: false });
    expect(micro.request?.timestampResolution).toBe(TimestampResolution.MICROSECONDS);
    expect(requestMessage(plan()).request?.timestampResolution).toBe(TimestampResolution.UNSPECIFIED);
  });

  it("carries filter and limits", () => {
    const message = requestMessage(
      plan({ filter: "icmp", maxBytes: 9000, maxPackets: 7, chunkBytes: 65_536 }),
    );
    expect(message.bpf).toBe("icmp");
    expect(message.request).toMatchObject({ chunkSize: 65_536n, maxSize: 9000n, maxPackets: 7n });
  });
});

describe("the request to an original server", () => {
  it("names sizes, since the original takes 0 as none", () => {
    expect(originalRequestMessage(plan()).request).toMatchObject({
      chunkSize: 65_536n,
      maxSize: 2_147_483_647n,
    });
  });

  it("has no field that the original does not know, but the exact window", () => {
    const message = originalRequestMessage(planFetch({ ...hour, filter: "icmp" }, { originalServer: true }));
    expect(message).toMatchObject({
      bpf: "icmp",
      dialect: FilterDialect.UNSPECIFIED,
      vlanTransparent: false,
      restoreVlanTags: false,
      acceptIncomplete: false,
    });
  });

  it("refuses what does not fit 32 bits", async () => {
    const size = await failureOf(() => originalRequestMessage(plan({ maxBytes: 2 ** 31 })));
    expect(size).toMatchObject({ reason: "OPTIONS_INVALID", uid: "u1" });
    const late = await failureOf(() => originalRequestMessage(plan({ to: "2038-01-19T03:14:08.5Z" })));
    expect(late).toMatchObject({ reason: "TIME_INVALID", uid: "u1" });
    expect(originalRequestMessage(plan({ to: "2038-01-19T03:14:08Z" })).epochEnd).toBe(2_147_483_647n);
  });
});
