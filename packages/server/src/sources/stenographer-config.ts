import { readFile } from "node:fs/promises";
import * as z from "zod";

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

const schema = z.object({
  Host: z.string().default("127.0.0.1"),
  Port: z.int().default(1234),
  CertPath: z.string().default("/etc/stenographer/certs"),
  Threads: z
    .array(z.object({ PacketsDirectory: z.string().min(1), IndexDirectory: z.string().min(1) }))
    .nullish(),
  Flags: z.array(z.string()).nullish(),
});

/** @throws where the text is not Stenographer's JSON */
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
    fileAgeSeconds: flag(Flags ?? [], "fileage_sec") ?? 60,
    blockageSeconds: flag(Flags ?? [], "blockage_sec") ?? 10,
  };
}

/** @throws where the file can't be read or is not Stenographer's JSON */
export async function readStenographerConfig(path: string): Promise<StenographerConfig> {
  return parseStenographerConfig(await readFile(path, "utf8"));
}

/** A flag's number as stenotype reads it: one or two dashes, the last one wins. */
function flag(flags: readonly string[], name: string): number | undefined {
  const values = flags.map((text) => new RegExp(`^--?${name}=(\\d+)$`).exec(text.trim())?.[1]);
  const last = values.filter((value) => value !== undefined).at(-1);
  return last === undefined ? undefined : Number(last);
}
