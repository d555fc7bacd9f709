import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StenographerError } from "@stenogrpc/client/node";
import { expect, it } from "vitest";
import { explainFailure } from "./explain-failure.js";

const inTheLog = "uid u-1, also in the server's log";

function explained(reason: string, cause?: unknown): string {
  return explainFailure(new StenographerError("it failed", { code: "unknown", reason, uid: "u-1", cause }))
    .text;
}

it.each([
  "CONNECTION_FAILED",
  "TLS_SERVER_UNTRUSTED",
  "CLIENT_CERTIFICATE_REJECTED",
  "CLIENT_CERTIFICATE_REQUIRED",
  "CERTIFICATE_REVOKED",
])("says nothing of the server's log for %s, since no server has read the request", (reason) => {
  expect(explained(reason)).not.toContain("uid");
});

it.each(["CONNECTION_LOST", "NO_FREE_SLOT", "DIGEST_MISMATCH"])(
  "sends to the server's log for %s",
  (reason) => {
    expect(explained(reason)).toContain(inTheLog);
  },
);

it("sends to the server's log for a file that failed when packets had come, and only then", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stenogrpc-failure-"));
  try {
    const taken = Object.assign(new Error("EEXIST"), { code: "EEXIST" });
    expect(explained("FILE_FAILED", taken)).not.toContain("uid");
    const opening: unknown = await open(join(folder, "no", "file"), "wx").catch((error: unknown) => error);
    expect(explained("FILE_FAILED", opening)).not.toContain("uid");
  } finally {
    await rm(folder, { recursive: true });
  }
  const writing = Object.assign(new Error("ENOSPC"), { code: "ENOSPC", syscall: "write" });
  expect(explained("FILE_FAILED", writing)).toContain(inTheLog);
});

it.each([
  ["TIMEOUT", "not whole after 1 ms; raise timeoutMs, or narrow the window", '"timeoutMs" is --timeout'],
  ["REASON_REQUIRED", "the role requires a reason; set reason", '"set reason" is --reason TEXT'],
  ["FILE_FAILED", "the disk is full; free space, set maxBytes", '"maxBytes" is --max-bytes'],
  ["FILE_FAILED", "choose another name, or allow overwrite (EEXIST)", '"allow overwrite" is --overwrite'],
  [
    "LIMIT_INVALID",
    "correct maxBytes, maxPackets or chunkBytes",
    '"maxBytes" is --max-bytes, "maxPackets" is --max-packets',
  ],
])("names the options of %s as the command line has them: %s", (reason, message, options) => {
  const error = new StenographerError(message, { code: "unknown", reason });
  expect(explainFailure(error).text).toBe(`${message} [${reason}]\nOn the command line, ${options}.`);
});

it.each([
  ["WINDOW_INVALID", 2],
  ["REASON_REQUIRED", 2],
  ["MIXED_LINK_TYPES", 2],
  ["NO_FREE_SLOT", 1],
  ["SOURCE_FAILED", 1],
  ["WINDOW_NOT_ALLOWED", 1],
] as const)(
  "gives %s the exit code %i: 2 for what can't work, whatever the sensor's state",
  (reason, code) => {
    expect(explainFailure(new StenographerError("it failed", { code: "unknown", reason })).exitCode).toBe(
      code,
    );
  },
);

it("names none where the client's words name none", () => {
  expect(explained("FILE_FAILED", Object.assign(new Error("no"), { code: "EACCES" }))).not.toContain(
    "command line",
  );
});
