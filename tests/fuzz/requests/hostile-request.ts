import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ExplainQueryRequestSchema, type StenoRequest, StenoRequestSchema } from "@stenogrpc/protocol";
import type { Random } from "@stenogrpc/testkit";
import type { FuzzText } from "../filter-texts.js";

export type Protocol = "grpc" | "grpc-web" | "connect-stream" | "connect-unary";

/** A request as it goes over the wire, right or not. */
export interface HostileRequest {
  /** What its maker had in mind. */
  readonly protocol: Protocol;
  readonly http: "HTTP/2" | "HTTP/1.1";
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const service = "/stenographer.Stenographer/";
const contentTypes: Readonly<Record<Protocol, readonly string[]>> = {
  grpc: ["application/grpc", "application/grpc+proto", "application/grpc+json"],
  "grpc-web": ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json"],
  "connect-stream": ["application/connect+proto", "application/connect+json"],
  "connect-unary": ["application/proto", "application/json"],
};

/** Makes one request after another of a seed: most are nearly right, so that they get far. */
export function hostileRequest(random: Random, filterAt: (index: number) => FuzzText): HostileRequest {
  const protocol = random.pick([
    "grpc",
    "grpc",
    "grpc",
    "grpc-web",
    "connect-stream",
    "connect-unary",
  ] as const);
  const call = callFor(random, protocol);
  const contentType = random.pick(contentTypes[protocol]);
  const isJson = contentType.endsWith("json");
  const query = steno(random, filterAt(random.between(0, 100_000)).text);
  const message = isJson ? hostileJson(random, query, call) : hostileBinary(random, query, call);
  const body = protocol === "connect-unary" ? message : enveloped(random, message);
  return {
    protocol,
    http: protocol !== "grpc" && random.fraction() < 0.2 ? "HTTP/1.1" : "HTTP/2",
    method: random.fraction() < 0.98 ? "POST" : random.pick(["GET", "PUT", "DELETE", "OPTIONS", "HEAD"]),
    path:
      random.fraction() < 0.98
        ? service + call
        : random.pick([service, "/", `${service}Nothing`, `//${call}`, "/%00", `${service}${call}?x=%ff`]),
    headers: { "content-type": contentType, ...hostileHeaders(random) },
    body,
  };
}

type Call = "FetchPcap" | "ExplainQuery" | "DescribeSensor";

function callFor(random: Random, protocol: Protocol): Call {
  if (protocol === "connect-unary") return random.pick(["ExplainQuery", "DescribeSensor"]);
  return protocol === "connect-stream"
    ? "FetchPcap"
    : random.pick(["FetchPcap", "FetchPcap", "FetchPcap", "ExplainQuery"]);
}

const numbers = [
  0n,
  1n,
  -1n,
  1000n,
  65_536n,
  1_700_000_000n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  -(2n ** 31n),
];
const texts = [
  "",
  "a",
  "a b",
  "../../etc/passwd",
  "\u0000",
  "\u{1f600}".repeat(40),
  "x".repeat(129),
  ".hidden",
  "-w",
  "@/etc/passwd",
  "é",
];

/** The request of 2019 and what came since, each field right, at an edge or beyond it. */
function steno(random: Random, filter: string): StenoRequest {
  const odd = (): boolean => random.fraction() < 0.15;
  const number = (good: bigint): bigint => (odd() ? random.pick(numbers) : good);
  const nanos = (): number =>
    odd() ? random.pick([-1, 999_999_999, 1_000_000_000, 2 ** 31 - 1, -(2 ** 31)]) : 0;
  const time = (good: bigint) => (odd() ? undefined : { seconds: number(good), nanos: nanos() });
  return create(StenoRequestSchema, {
    request: {
      uid: odd() ? random.pick(texts) : "",
      chunkSize: number(0n),
      maxSize: number(0n),
      maxPackets: number(0n),
      timestampResolution: odd() ? random.between(-5, 500) : 0,
    },
    path: odd() ? random.pick(texts) : "",
    epochStart: number(1_700_000_000n),
    epochEnd: number(1_700_000_100n),
    bpf: random.fraction() < 0.5 ? "" : filter.slice(0, 4000).replace(/\p{Surrogate}/gu, ""),
    start: time(1_700_000_000n),
    end: time(1_700_000_100n),
    dialect: odd() ? random.between(-2, 100) : random.between(0, 3),
    vlanTransparent: odd(),
    restoreVlanTags: odd(),
    acceptIncomplete: odd(),
    reason: odd() ? random.pick(["x".repeat(1025), "x".repeat(60_000), ...texts]) : "",
  });
}

function hostileBinary(random: Random, query: StenoRequest, call: Call): Buffer {
  const good =
    call === "FetchPcap"
      ? toBinary(StenoRequestSchema, query)
      : toBinary(ExplainQueryRequestSchema, create(ExplainQueryRequestSchema, { query }));
  return spoiled(random, Buffer.from(good), [
    () => Buffer.alloc(random.between(1, 60_000), 0x0b), // groups in groups, none of which ends
    () => Buffer.concat([Buffer.alloc(20_000, 0x0b), Buffer.alloc(20_000, 0x0c)]), // and that do
    () => Buffer.from("2a04fffefdfc", "hex"), // `bpf`, and it is not UTF-8
    () => Buffer.concat([good, Buffer.from("f8ffffff0f01", "hex")]), // the largest field number
    () => Buffer.concat([good, Buffer.from("1affffffff0f", "hex")]), // a length of 4 GiB
    () => Buffer.concat([good, Buffer.from("18ffffffffffffffffffff7f", "hex")]), // a number of 11 bytes
  ]);
}

function hostileJson(random: Random, query: StenoRequest, call: Call): Buffer {
  const json = toJsonOrEmpty(query);
  const good = Buffer.from(call === "FetchPcap" ? json : `{"query":${json}}`);
  return spoiled(random, good, [
    () => Buffer.from(`{"request":${"[".repeat(30_000)}`),
    () => Buffer.from(`{"bpf":${"9".repeat(10_000)}}`),
    () => Buffer.from('{"epochStart":1e400,"epochEnd":-1e400}'),
    () => Buffer.from('{"__proto__":{"x":1},"constructor":{"prototype":1}}'),
    () => Buffer.from('{"bpf":"\\ud800"}'),
    () => Buffer.from("null"),
  ]);
}

/** What JSON has no way to say (a time beyond the year 9999) is sent as nothing. */
function toJsonOrEmpty(query: StenoRequest): string {
  try {
    return toJsonString(StenoRequestSchema, query);
  } catch {
    return "{}";
  }
}

/** Usually as it was, sometimes with bytes changed, now and then something made on purpose, or far too much. */
function spoiled(random: Random, good: Buffer, made: readonly (() => Buffer)[]): Buffer {
  const dice = random.fraction();
  if (dice < 0.5) return good;
  if (dice < 0.6) return random.pick(made)();
  if (dice < 0.605) return Buffer.concat([good, Buffer.alloc(random.between(60_000, 1_500_000), 0x20)]);
  const bytes = Buffer.from(good);
  for (let changes = random.between(1, 5); changes > 0 && bytes.length > 0; changes--)
    bytes[random.between(0, bytes.length)] = random.between(0, 256);
  return random.fraction() < 0.3 ? bytes.subarray(0, random.between(0, bytes.length + 1)) : bytes;
}

function enveloped(random: Random, message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const dice = random.fraction();
  if (dice < 0.8) return Buffer.concat([prefix, message]);
  if (dice < 0.84) prefix[0] = random.between(0, 256);
  else if (dice < 0.9)
    prefix.writeUInt32BE(random.pick([0, 1, message.length + 1, 65_536, 2 ** 31, 2 ** 32 - 1]), 1);
  else if (dice < 0.93) return Buffer.concat([prefix, message, prefix, message]);
  else if (dice < 0.96)
    return Buffer.concat([prefix, message]).subarray(0, random.between(0, message.length + 5));
  else return message;
  return Buffer.concat([prefix, message]);
}

const hostileValues: Readonly<Record<string, readonly string[]>> = {
  "grpc-timeout": ["1n", "99999999H", "0S", "-1S", "x", "999999999999S", "1000m"],
  "grpc-encoding": ["gzip", "br", "nothing", "identity"],
  "content-encoding": ["gzip", "nothing"],
  "connect-content-encoding": ["gzip", "nothing"],
  "connect-protocol-version": ["1", "2", "x"],
  "connect-timeout-ms": ["1", "-1", "x", "99999999999999", "60000"],
  "content-type": ["text/plain", "application/grpc+nothing", "application/", "x".repeat(8000)],
  "grpc-accept-encoding": ["gzip", "x".repeat(4000)],
  "x-anything": ["x".repeat(12_000), "\u00e9"],
};

function hostileHeaders(random: Random): Record<string, string> {
  const headers: Record<string, string> = random.fraction() < 0.95 ? { te: "trailers" } : {};
  for (let more = random.fraction() < 0.25 ? random.between(1, 3) : 0; more > 0; more--) {
    const name = random.pick(Object.keys(hostileValues));
    headers[name] = random.pick(hostileValues[name] ?? []);
  }
  return headers;
}
