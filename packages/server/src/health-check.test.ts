import { setImmediate as eventLoop } from "node:timers/promises";
import { expect, it } from "vitest";
import { HealthCheck } from "./health-check.js";
import type { Logger } from "./logger.js";
import { type PacketSource, type SourceDescription, SourceError } from "./sources/packet-source.js";

/** A source that answers as it is told to, a health check of it, and what that logged. */
function checked(
  describe: (signal: AbortSignal) => Promise<SourceDescription>,
  options: ConstructorParameters<typeof HealthCheck>[2] = { holdsMs: 0 },
) {
  let asked = 0;
  const source: PacketSource = {
    kind: "memory",
    open: () => Promise.reject(new Error("nobody opens it")),
    describe: (signal) => {
      asked++;
      return describe(signal);
    },
  };
  const lines: string[] = [];
  const log = (level: string) => (_: object, message?: string) => void lines.push(`${level}: ${message}`);
  const logger: Logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
  return { health: new HealthCheck(source, logger, options), lines, asked: () => asked };
}

it("tells what the source knows", async () => {
  const { health, lines } = checked(async () => ({ newestPacketNs: 5n }));
  expect(await health.ask()).toEqual({ isHealthy: true, newestPacketNs: 5n });
  expect(lines).toEqual([]);
});

it("asks the source once for all who ask within a time", async () => {
  const { health, asked } = checked(async () => ({}), { holdsMs: 60_000 });
  await Promise.all([health.ask(), health.ask()]);
  await health.ask();
  expect(asked()).toBe(1);
});

it("says why the source can't be asked, logs it once, and when it can again", async () => {
  let failure: Error | undefined = new SourceError("source-unavailable", "Stenographer does not answer");
  const { health, lines } = checked(async () => {
    if (failure) throw failure;
    return {};
  });
  const problem = "Stenographer does not answer";
  expect(await health.ask()).toEqual({ isHealthy: false, problem });
  await health.ask();
  // What a source throws that it did not mean to may name paths.
  failure = new Error("ENOENT: /var/secret");
  expect(await health.ask()).toEqual({ isHealthy: false, problem: "internal error" });
  failure = undefined;
  expect(await health.ask()).toEqual({ isHealthy: true });
  expect(lines).toEqual(["warn: the packets can't be reached", "info: the packets can be reached again"]);
});

it("takes a source that throws at once for one that fails", async () => {
  const { health } = checked(() => {
    throw new SourceError("source-failed", "it broke");
  });
  expect(await health.ask()).toEqual({ isHealthy: false, problem: "it broke" });
});

it("gives up on a source that hangs, and has it stop", async () => {
  let signal: AbortSignal | undefined;
  const { health } = checked(
    (given) => {
      signal = given;
      return new Promise(() => {});
    },
    { timeoutMs: 20 },
  );
  expect(await health.ask()).toEqual({ isHealthy: false, problem: "no answer within 20 ms" });
  expect(signal?.aborted).toBe(true);
});

it("asks a source no second time that has not let go of the first", async () => {
  let letGo = (): void => {};
  const hanging = () =>
    new Promise<SourceDescription>((resolve) => {
      letGo = () => resolve({});
    });
  const { health, asked } = checked(hanging, { holdsMs: 0, timeoutMs: 20 });
  const late = { isHealthy: false, problem: "no answer within 20 ms" };
  expect(await health.ask()).toEqual(late);
  expect(await health.ask()).toEqual(late);
  expect(asked()).toBe(1);
  letGo();
  await eventLoop();
  const asking = health.ask();
  expect(asked()).toBe(2);
  letGo();
  expect(await asking).toEqual({ isHealthy: true });
});

it("has a source stop that is asked when the server closes, and asks it no more", async () => {
  const { health, lines, asked } = checked(() => new Promise(() => {}));
  const asking = health.ask();
  health.close();
  const closed = { isHealthy: false, problem: "the server is shutting down" };
  expect(await asking).toEqual(closed);
  expect(await health.ask()).toEqual(closed);
  expect(asked()).toBe(1);
  expect(lines).toEqual([]);
});
