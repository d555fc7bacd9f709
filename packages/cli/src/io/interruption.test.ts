import { afterEach, expect, it, vi } from "vitest";
import { listenForInterruption } from "./interruption.js";

afterEach(() => void vi.restoreAllMocks());

it.each([
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s aborts, and asks for %i", (signal, code) => {
  using interruption = listenForInterruption();
  expect(interruption).toMatchObject({ code: undefined, signal: { aborted: false } });
  process.emit(signal, signal);
  expect(interruption).toMatchObject({ code, signal: { aborted: true } });
});

it("a second SIGHUP changes nothing, since a session that ends sends two; a second Ctrl-C does not wait", () => {
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never); // a test must go on
  using interruption = listenForInterruption();
  process.emit("SIGHUP", "SIGHUP");
  process.emit("SIGHUP", "SIGHUP");
  expect(exit).not.toHaveBeenCalled();
  process.emit("SIGINT", "SIGINT");
  expect(exit).toHaveBeenCalledExactlyOnceWith(130);
  expect(interruption.code).toBe(129);
});

it("leaves no listener behind", () => {
  const count = () => ["SIGHUP", "SIGINT", "SIGTERM"].map((signal) => process.listenerCount(signal));
  const before = count();
  listenForInterruption()[Symbol.dispose]();
  expect(count()).toEqual(before);
});
