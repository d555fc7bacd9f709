import { Code, ConnectError } from "@connectrpc/connect";
import { FilterProblemSchema } from "@stenogrpc/protocol";
import { ErrorInfoSchema, RetryInfoSchema } from "@stenogrpc/protocol/error-details";
import { describe, expect, it } from "vitest";
import { hour } from "../test-support/capture.js";
import { failureOf } from "../test-support/failure.js";
import { clientOf } from "../test-support/in-memory.js";
import { canceledBySignal, errorFromRpc } from "./error-from-rpc.js";

function serverFailure(code: Code, reason: string, more: ConstructorParameters<typeof ConnectError>[3] = []) {
  const info = { desc: ErrorInfoSchema, value: { reason, domain: "stenogrpc" } };
  return new ConnectError("what happened", code, undefined, [info, ...more]);
}

/** What a client makes of a server that fails like this. */
async function seenByClient(error: ConnectError) {
  const { client } = clientOf(() => {
    throw error;
  });
  return failureOf(client.fetchPcap({ ...hour, uid: "u1", retryForMs: 0 }).summary);
}

describe("a server's failure", () => {
  it.each<[Code, string, string, boolean]>([
    [Code.InvalidArgument, "FILTER_SYNTAX", "invalid_argument", false],
    [Code.InvalidArgument, "WINDOW_INVALID", "invalid_argument", false],
    [Code.InvalidArgument, "LIMIT_INVALID", "invalid_argument", false],
    [Code.InvalidArgument, "FILTER_LINK_TYPE", "invalid_argument", false],
    [Code.InvalidArgument, "FILTER_TOO_COSTLY", "invalid_argument", false],
    [Code.InvalidArgument, "OPTION_INVALID", "invalid_argument", false],
    [Code.InvalidArgument, "OPTION_UNSUPPORTED", "invalid_argument", false],
    [Code.FailedPrecondition, "INDEX_CANT_HELP", "failed_precondition", false],
    [Code.Unauthenticated, "CLIENT_CERTIFICATE_REQUIRED", "unauthenticated", false],
    [Code.ResourceExhausted, "NO_FREE_SLOT", "resource_exhausted", true],
    [Code.PermissionDenied, "IDENTITY_UNMAPPED", "permission_denied", false],
    [Code.PermissionDenied, "SENSOR_NOT_ALLOWED", "permission_denied", false],
    [Code.PermissionDenied, "RPC_NOT_ALLOWED", "permission_denied", false],
    [Code.InvalidArgument, "REASON_REQUIRED", "invalid_argument", false],
    [Code.Unavailable, "SERVER_DRAINING", "unavailable", true],
    [Code.Unavailable, "SOURCE_UNAVAILABLE", "unavailable", true],
    [Code.Unavailable, "SOURCE_CHANGED", "unavailable", true],
    [Code.Internal, "SOURCE_FAILED", "internal", false],
    [Code.DataLoss, "SOURCE_CORRUPT", "data_loss", false],
    [Code.FailedPrecondition, "MIXED_LINK_TYPES", "failed_precondition", false],
    [Code.FailedPrecondition, "LINK_TYPE_UNSUPPORTED", "failed_precondition", false],
    [Code.DeadlineExceeded, "TIMEOUT", "deadline_exceeded", false],
    [Code.Internal, "INTERNAL", "internal", false],
  ])(
    "%s %s keeps its code and reason, says what to do, and whether to retry",
    async (code, reason, name, retryable) => {
      const failure = await seenByClient(serverFailure(code, reason));
      expect(failure).toMatchObject({ code: name, reason, retryable, uid: "u1" });
      expect(failure.message).toMatch(/^what happened; \w+/);
      expect(failure.cause).toBeInstanceOf(ConnectError);
    },
  );

  it.each(["MOON_PHASE", "constructor"])(
    "keeps a reason that this client does not know: %s",
    async (reason) => {
      const failure = await seenByClient(serverFailure(Code.Unavailable, reason));
      expect(failure).toMatchObject({ reason, retryable: true, message: "what happened" });
    },
  );

  it("carries where the filter could not be read", async () => {
    const problem = {
      offset: 3,
      line: 1,
      column: 4,
      expected: ["port"],
      message: "no",
      rendering: "tcp\n   ^",
    };
    const failure = await seenByClient(
      serverFailure(Code.InvalidArgument, "FILTER_SYNTAX", [{ desc: FilterProblemSchema, value: problem }]),
    );
    expect(failure.filterProblem).toEqual(problem);
  });

  it("carries when to try again", async () => {
    const retry = { desc: RetryInfoSchema, value: { retryDelay: { seconds: 2n, nanos: 500_000_000 } } };
    const failure = await seenByClient(serverFailure(Code.ResourceExhausted, "NO_FREE_SLOT", [retry]));
    expect(failure.retryAfterMs).toBe(2500);
  });

  it.each([-1n, 2_147_484n])("carries no delay that a timer can't wait: %i s", async (seconds) => {
    const retry = { desc: RetryInfoSchema, value: { retryDelay: { seconds } } };
    const failure = await seenByClient(serverFailure(Code.ResourceExhausted, "NO_FREE_SLOT", [retry]));
    expect(failure).toMatchObject({ retryable: true, retryAfterMs: undefined });
  });

  it("takes the code's name for a reason where a foreign server gives none", async () => {
    const failure = await seenByClient(new ConnectError("no", Code.PermissionDenied));
    expect(failure).toMatchObject({
      code: "permission_denied",
      reason: "PERMISSION_DENIED",
      retryable: false,
    });
  });

  it("that is called canceled though nobody here canceled is a lost call", async () => {
    const error = new ConnectError("gone", Code.Canceled, { "grpc-status": "1" });
    const failure = await errorFromRpc(error, { answered: true });
    expect(failure).toMatchObject({ code: "unavailable", reason: "CONNECTION_LOST", retryable: true });
  });
});

describe("a failure that no server sent", () => {
  it("is a time limit, with advice for what was asked", async () => {
    const error = new ConnectError("late", Code.DeadlineExceeded);
    const ofFetch = await errorFromRpc(error, { answered: false, uid: "u1", timeoutMs: 5 });
    expect(ofFetch.message).toBe(
      "the answer was not whole after 5 ms; raise timeoutMs, or narrow the window or the filter",
    );
    const ofCall = await errorFromRpc(error, { answered: false, timeoutMs: 5 });
    expect(ofCall.reason).toBe("TIMEOUT");
    expect(ofCall.message).toBe("no answer after 5 ms; raise timeoutMs, or look whether the sensor is well");
  });

  it("is no connection before anything of the answer came, a lost one after", async () => {
    const error = new ConnectError("down", Code.Unavailable);
    expect(await errorFromRpc(error, { answered: false })).toMatchObject({
      reason: "CONNECTION_FAILED",
      retryable: true,
    });
    expect(await errorFromRpc(error, { answered: true })).toMatchObject({
      reason: "CONNECTION_LOST",
      retryable: true,
    });
  });

  it("of fetch() in a browser, a TypeError, is one of the connection", async () => {
    const failure = await errorFromRpc(new TypeError("Failed to fetch"), { answered: false });
    expect(failure).toMatchObject({ code: "unavailable", reason: "CONNECTION_FAILED", retryable: true });
  });

  it("is what the transport explains, where it can", async () => {
    const explained = {
      code: "unavailable",
      reason: "CONNECTION_LOST",
      retryable: true,
      message: "gone",
    } as const;
    const error = new ConnectError("x", Code.Internal);
    const failure = await errorFromRpc(error, {
      uid: "u1",
      answered: false,
      explainFailure: async () => explained,
    });
    expect(failure).toMatchObject({ ...explained, uid: "u1", cause: error });
  });
});

it.each<[string, AbortSignal, string]>([
  ["aborted", AbortSignal.abort(), "the caller's signal aborted the call"],
  [
    "that gives a reason",
    AbortSignal.abort(new Error("alert closed")),
    "the caller's signal aborted the call: alert closed",
  ],
  [
    "that gives a text",
    AbortSignal.abort("alert closed"),
    "the caller's signal aborted the call: alert closed",
  ],
  [
    "with a time limit",
    AbortSignal.abort(new DOMException("x", "TimeoutError")),
    "the caller's signal timed out and ended the call",
  ],
])("tells why a signal %s ended a call", (_, signal, message) => {
  const failure = canceledBySignal("call", signal, "u1");
  expect(failure).toMatchObject({ code: "canceled", reason: "CANCELED", uid: "u1", message });
  expect(failure.cause).toBe(signal.reason);
});
