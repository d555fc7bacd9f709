import { describe, expect, it } from "vitest";
import { settingsPayload } from "../../test-support/raw-http2.js";
import { FlowControlError, SendWindows } from "./send-windows.js";

const [initialWindowSize, maxFrameSize] = [0x4, 0x5];
const longest = 2 ** 31 - 1;

describe("windows", () => {
  it("are 65,535 bytes at first, and frames 16 KiB", () => {
    const windows = new SendWindows();
    windows.opened(1);
    expect(windows.streamBytes(1)).toBe(65_535);
    expect(windows.connectionBytes).toBe(65_535);
    expect(windows.maxFrameBytes).toBe(16_384);
  });

  it("of a stream and of its connection are both spent, and widened apart", () => {
    const windows = new SendWindows();
    const state = () => [windows.connectionBytes, windows.streamBytes(1), windows.streamBytes(3)];
    windows.opened(1);
    windows.opened(3);
    windows.spend(1, 60_000);
    expect(state()).toEqual([5535, 5535, 65_535]);
    windows.widen(0, 100_000);
    windows.widen(1, 10_000);
    expect(state()).toEqual([105_535, 15_535, 65_535]);
    windows.spend(3, 100_000);
    expect(state()).toEqual([5535, 15_535, -34_465]);
    expect(windows.widestBytes).toBe(105_535);
  });

  it("of streams that are open change with SETTINGS, and may be negative", () => {
    const windows = new SendWindows();
    windows.widen(0, 1_000_000);
    windows.opened(1);
    windows.spend(1, 50_000);
    windows.apply(settingsPayload([[initialWindowSize, 10_000]]));
    windows.opened(3);
    expect([windows.streamBytes(1), windows.streamBytes(3)]).toEqual([15_535 - 55_535, 10_000]);
    windows.apply(settingsPayload([[initialWindowSize, 100_000]]));
    expect([windows.streamBytes(1), windows.streamBytes(3)]).toEqual([50_000, 100_000]);
  });

  it("count every entry of SETTINGS, the last one for good, and leave what is not allowed to others", () => {
    const windows = new SendWindows();
    windows.opened(1);
    windows.apply(
      settingsPayload([
        [1, 4096],
        [maxFrameSize, 20_000],
        [initialWindowSize, 5],
        [maxFrameSize, 1_048_576],
        [initialWindowSize, 7],
        [maxFrameSize, 16_383],
        [maxFrameSize, 2 ** 24],
        [initialWindowSize, 2 ** 31],
      ]),
    );
    expect([windows.streamBytes(1), windows.maxFrameBytes]).toEqual([7, 1_048_576]);
  });

  it.each([
    ["a stream", (windows: SendWindows) => windows.widen(1, longest - 65_534)],
    ["the connection", (windows: SendWindows) => windows.widen(0, longest - 65_534)],
    [
      "a stream, by SETTINGS,",
      (windows: SendWindows) => {
        windows.widen(1, 1);
        windows.apply(settingsPayload([[initialWindowSize, longest]]));
      },
    ],
  ])("of %s are never wider than 2^31 - 1", (_of, widen) => {
    const windows = new SendWindows();
    windows.opened(1);
    expect(() => widen(windows)).toThrow(FlowControlError);
  });

  it("of streams that are not open, or closed, let nothing be sent and are not kept", () => {
    const windows = new SendWindows();
    windows.widen(1, 5);
    expect(windows.streamBytes(1)).toBe(0);
    windows.opened(5);
    windows.closed(5);
    windows.opened(5); // trailers of the request
    windows.opened(3); // lower than one that was open: a stream can't begin again
    expect([windows.streamBytes(5), windows.streamBytes(3)]).toEqual([0, 0]);
  });

  it("are not kept for streams without number", () => {
    const windows = new SendWindows();
    expect(() => {
      for (let id = 1; id < 100_000; id += 2) windows.opened(id);
    }).toThrow("too many streams are open");
  });
});
