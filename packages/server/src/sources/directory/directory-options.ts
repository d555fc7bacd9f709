import { resolve } from "node:path";
import { parseOptions, sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import type { Logger } from "../../logger.js";
import { silentLogger } from "../../logger.js";
import { captureNames } from "./capture-names.js";

const fileNamePattern = z
  .string()
  .min(1)
  .refine((pattern) => !pattern.includes("/"), "a pattern is for the file name alone, so it has no /");

/** Options of directorySource. */
export interface DirectoryOptions {
  /** Folder of the captures; folders in it count too. */
  path: string;
  /**
   * Which file names count: one glob or several, with `*` and `?`. Default: *.pcap, *.pcapng and *.cap, with the suffixes of
   * rotation (x.pcap1, x.pcap.3) and of gzip. Hidden files, *.partial and *.tmp never count.
   */
  pattern?: string | string[] | undefined;
  /**
   * Take the time of a file's first record and its time of change as the range of its packets, instead of reading each file
   * once. For folders too large to read. It misses packets that lie out of order before the first one's time, and packets
   * of files whose time of change was set back (touch, a copy that keeps another file's times). Default: false.
   */
  trustFileTimes?: boolean | undefined;
  /**
   * A file to remember in what was learned of each capture, so that a restart need not read all of them again. Not together with
   * `trustFileTimes`, which has nothing to remember. Default: none.
   */
  remember?: string | undefined;
  /** The most files one retrieval has open at a time; one that needs more is refused. Default: 512. */
  maxOpenFiles?: number | undefined;
  /** Where the source says what it skips and learns. Default: nowhere. */
  logger?: Logger;
  /** The clock, in milliseconds since the epoch. Default: Date.now. */
  now?: () => number;
}

const directoryOptionsSchema = strictOptions({
  path: z.string().min(1),
  pattern: z.union([fileNamePattern, z.array(fileNamePattern).min(1)]).optional(),
  trustFileTimes: z.boolean().default(false),
  remember: z.string().min(1).optional(),
  maxOpenFiles: z.int().min(1).max(65_536).default(512),
}).refine(({ trustFileTimes, remember }) => !(trustFileTimes && remember), {
  path: ["remember"],
  error: "leave it out with trustFileTimes, which reads no more than the first record of a file",
});
sameType<Omit<DirectoryOptions, "logger" | "now">, z.input<typeof directoryOptionsSchema>>(true);

/** The options, checked, with their defaults. */
export interface DirectorySettings {
  readonly folder: string;
  readonly isCaptureName: (name: string) => boolean;
  readonly trustFileTimes: boolean;
  readonly remember: string | undefined;
  readonly maxOpenFiles: number;
  readonly logger: Logger;
  readonly now: () => number;
}

/** @throws OptionsError */
export function directorySettings(options: DirectoryOptions): DirectorySettings {
  const { logger, now, ...rest } = options;
  const { path, pattern, trustFileTimes, remember, maxOpenFiles } = parseOptions(
    "directory source",
    directoryOptionsSchema,
    rest,
  );
  return {
    folder: resolve(path),
    isCaptureName: captureNames(typeof pattern === "string" ? [pattern] : pattern),
    trustFileTimes,
    remember: remember === undefined ? undefined : resolve(remember),
    maxOpenFiles,
    logger: logger ?? silentLogger,
    now: now ?? Date.now,
  };
}
