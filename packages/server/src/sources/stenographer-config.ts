import { readFile } from "node:fs/promises";
import * as z from "zod";
import { SourceError } from "./packet-source.js";

/** Where Debian's packages put it, and where stenocurl looks when STENOGRAPHER_CONFIG is not set. */
export const defaultStenographerConfig = "/etc/stenographer/config";

/** The parts of Stenographer's configuration that a reader of its packets needs. */
export interface StenographerConfig {
  readonly host: string;
  readonly port: number;
  /** Folders of each capture thread. */
  readonly threads: readonly { readonly packetsDirectory: string; readonly indexDirectory: string }[];
  /** Folder with ca_cert.pem, client_cert.pem and client_key.pem. */
  readonly certPath: string;
  /** Seconds after which stenotype starts a new file. */
  readonly fileAgeSeconds: number;
  /** Seconds after which stenotype hands over a block that is not full. */
  readonly blockageSeconds: number;
}

/** Go reads keys whatever their case. */
function inAnyCase<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  const rename = ([key, value]: [string, unknown]) => [names.get(key.toLowerCase()) ?? key, value] as const;
  return z.preprocess(
    (value) => (isRecord(value) ? Object.fromEntries(Object.entries(value).map(rename)) : value),
    z.object(shape),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const schema = inAnyCase({
  Host: z.string().default("127.0.0.1"),
  Port: z.int().default(1234),
  CertPath: z.string().default("/etc/stenographer/certs"),
  Threads: z
    .array(inAnyCase({ PacketsDirectory: z.string().min(1), IndexDirectory: z.string().min(1) }))
    .nullish(),
  Flags: z.array(z.string()).nullish(),
});

/** @throws where the text is not Stenographer's JSON, or its flags do not tell how stenotype rotates */
export function parseStenographerConfig(json: string): StenographerConfig {
  const { Host, Port, CertPath, Threads, Flags } = schema.parse(JSON.parse(json));
  return {
    host: Host,
    port: Port,
    threads: (Threads ?? []).map(({ PacketsDirectory, IndexDirectory }) => ({
      packetsDirectory: PacketsDirectory,
      indexDirectory: IndexDirectory,
    })),
    certPath: CertPath,
    fileAgeSeconds: flag(Flags ?? [], "fileage_sec", "filea") ?? 60,
    blockageSeconds: flag(Flags ?? [], "blockage_sec", "blocka") ?? 10,
  };
}

/** @throws as parseStenographerConfig, and where the file can't be read */
export async function readStenographerConfig(path: string): Promise<StenographerConfig> {
  return parseStenographerConfig(await readFile(path, "utf8"));
}

/**
 * What is thrown where a configuration that is there can't be read. Not the defaults instead: a query that is widened too little misses
 * packets.
 */
export function unreadableConfig(cause: unknown): SourceError {
  return new SourceError("source-failed", "Stenographer's configuration can't be read", { cause });
}

/**
 * A flag's number as stenotype reads it: of its name as much as no other flag begins with, its value behind "=" or in the next argument;
 * the last one wins.
 *
 * @param shortest the least of the name
 * @throws where it has no number: whoever took the default instead would miss packets
 */
function flag(flags: readonly string[], name: string, shortest: string): number | undefined {
  let last: number | undefined;
  for (const [i, text] of flags.entries()) {
    const [, given = "", value = flags[i + 1]] = /^--?([a-z_]+)(?:=(.*))?$/.exec(text.trim()) ?? [];
    if (!name.startsWith(given) || !given.startsWith(shortest)) continue;
    const number = /^\d+$/.exec(value?.trim() ?? "")?.[0];
    if (number === undefined) throw new Error(`Flags: --${given} has no number of seconds`);
    last = Number(number);
  }
  return last;
}
