import type { Coverage, CoverageGap } from "@stenogrpc/client/node";
import { expect, it } from "vitest";
import { result, window } from "../test/results.js";
import { shortcomings } from "./coverage-text.js";

const minute = 60_000_000_000n;
const notYet: CoverageGap = { ...window, reason: "not-yet-written" };
const agedOut: CoverageGap = { ...window, reason: "aged-out" };

const text = (gap: CoverageGap, nowNs: bigint, extent: Omit<Coverage, "gaps"> = {}) =>
  shortcomings({ ...result, coverage: { ...extent, gaps: [gap] } }, Number(nowNs / 1_000_000n));

it("says that a window ends in the future, and not to ask before that", () => {
  const words =
    "not on disk yet after 2026-01-02T03:04:05Z (asked up to 2026-01-02T03:05:05Z); the window ends in the future: ask again after";
  expect(text(notYet, window.startNs)).toEqual([`${words} 2026-01-02T03:05:05Z`]);
  const early = { ...notYet, expectedAtNs: window.startNs };
  expect(text(early, window.startNs)).toEqual([`${words} 2026-01-02T03:05:05Z`]);
  const late = { ...notYet, expectedAtNs: window.endNs + minute };
  expect(text(late, window.startNs)).toEqual([`${words} 2026-01-02T03:06:05Z`]);
});

it("names the newest packet where all of the window comes later", () => {
  const extent = { newestPacketNs: window.startNs - minute };
  expect(text(notYet, window.endNs, extent)).toEqual([
    "not on disk yet after 2026-01-02T03:03:05Z, the sensor's newest packet (asked from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z); ask again in a few minutes",
  ]);
});

it("names the oldest packet where all of the window is older", () => {
  const extent = { oldestPacketNs: window.endNs + minute };
  expect(text(agedOut, window.endNs, extent)).toEqual([
    "the sensor has nothing before 2026-01-02T03:06:05Z, its oldest packet (asked from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z)",
  ]);
});

it("names no oldest packet that another capture thread has, or that is not known", () => {
  const words =
    "the sensor has nothing that is so old (asked from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z)";
  expect(text(agedOut, window.endNs, { oldestPacketNs: window.startNs })).toEqual([words]);
  expect(text(agedOut, window.endNs)).toEqual([words]);
});
