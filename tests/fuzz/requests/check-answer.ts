import type { Answer } from "./ask.js";
import type { HostileRequest } from "./hostile-request.js";

/**
 * Reads an answer as its protocol says.
 *
 * @returns the status by name or number: "grpc 3", "connect invalid_argument", "HTTP 415"
 * @throws Error for an answer that has none, or that blames the server's own code
 */
export function checkAnswer({ protocol }: HostileRequest, answer: Answer): string {
  const { status, headers, body } = answer;
  const said =
    grpcStatus(headers) ?? (protocol === "grpc-web" ? webStatus(body) : undefined) ?? connectStatus(answer);
  if (said === undefined && (status < 400 || status >= 500))
    throw new Error(`no status: HTTP ${status}, ${clip(body)}`);
  const verdict = said ?? `HTTP ${status}`;
  const words = `${headers["grpc-message"] ?? ""}${body.length < 4096 ? body.toString("latin1") : ""}`;
  if (/internal(%20| )error/.test(words)) throw new Error(`${verdict}: ${clip(words)}`);
  return verdict;
}

function grpcStatus(headers: Answer["headers"]): string | undefined {
  const status = headers["grpc-status"];
  return typeof status === "string" && /^(\d|1[0-6])$/.test(status) ? `grpc ${status}` : undefined;
}

/** gRPC-Web: the trailers are the last frame, with the highest bit of its flags set. */
function webStatus(body: Buffer): string | undefined {
  const last = lastFrame(body);
  if (last === undefined || (last.flags & 0x80) === 0) return undefined;
  const status = /^grpc-status: ?(\d|1[0-6])\r$/m.exec(last.data.toString("latin1"))?.[1];
  return status === undefined ? undefined : `grpc ${status}`;
}

/** Connect: a stream ends with a frame of JSON, a unary answer is the message or JSON with a code. */
function connectStatus({ status, headers, body }: Answer): string | undefined {
  const type = String(headers["content-type"] ?? "");
  if (type.startsWith("application/connect+")) {
    const last = lastFrame(body);
    if (last === undefined || (last.flags & 2) === 0) return undefined;
    return `connect ${codeOf(last.data) ?? "ok"}`;
  }
  if (status === 200)
    return type === "application/proto" || type === "application/json" ? "connect ok" : undefined;
  return type === "application/json" ? `connect ${codeOf(body)}` : undefined;
}

function codeOf(json: Buffer): string | undefined {
  const parsed: { code?: string; error?: { code?: string } } = JSON.parse(json.toString("utf8"));
  return parsed.code ?? parsed.error?.code;
}

function lastFrame(body: Buffer): { readonly flags: number; readonly data: Buffer } | undefined {
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end === body.length) return { flags: body[at] ?? 0, data: body.subarray(at + 5) };
    at = end;
  }
  return undefined;
}

function clip(text: Buffer | string): string {
  return JSON.stringify(text.toString("latin1").slice(0, 200));
}
