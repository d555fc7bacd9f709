import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import * as z from "zod";
import { errnoOf } from "../../errno.js";
import type { Logger } from "../../logger.js";
import type { RangeCache } from "./range-cache.js";
import type { Finding } from "./time-range.js";

/** Changes when the meaning of what is stored does: then everything is learned again. */
const format = "stenogrpc-time-ranges-2";
/** What is learned within so many milliseconds is written at once. */
const gatherMs = 10_000;

const whole = z.int().min(0);
const nanoseconds = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(BigInt);
/** JSON has no undefined. */
const nothing = z.null().transform(() => undefined);
const headPrint = z.strictObject({ bytes: whole, sha256: z.base64() });
const captureHeader = z.strictObject({
  byteOrder: z.enum(["little", "big"]),
  resolution: z.enum(["microseconds", "nanoseconds"]),
  snaplen: whole,
  linkType: whole,
  fcsBytes: whole.exactOptional(),
});
const findings = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("packets"),
    header: captureHeader,
    startsAtNs: nanoseconds,
    endsAtNs: nanoseconds,
    packets: whole,
    timeless: whole,
    endsWhole: z.boolean(),
    resume: z.union([
      nothing,
      z.strictObject({
        head: headPrint,
        offset: whole,
        lastRecordOffset: whole,
        lastRecordHeader: z.base64().transform((text) => new Uint8Array(Buffer.from(text, "base64"))),
      }),
    ]),
  }),
  z.strictObject({
    kind: z.literal("no-packets"),
    header: z.union([nothing, captureHeader]),
    timeless: whole,
  }),
  z.strictObject({ kind: z.literal("not-a-capture") }),
]);
const stored = z.strictObject({
  format: z.literal(format),
  folder: z.string(),
  files: z.array(
    z.strictObject({
      version: z.strictObject({
        path: z.string(),
        identity: z.string(),
        size: whole,
        mtimeNs: nanoseconds,
      }),
      head: headPrint,
      finding: findings,
    }),
  ),
});

/**
 * What a source learned of its files, in a file, so that its next start need not read them all again.
 *
 * It says nothing that is not checked: a file counts as known only while its identity, size and time of change are the same. Where it
 * can't be read or written that is logged, and the captures are read instead. Damaged captures are not in it: they are looked at again.
 */
export class RememberedRanges {
  readonly #path: string;
  readonly #folder: string;
  readonly #ranges: RangeCache;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param path of the file
   * @param folder whose captures it is about
   */
  constructor(path: string, folder: string, { ranges, logger }: { ranges: RangeCache; logger: Logger }) {
    this.#path = path;
    this.#folder = folder;
    this.#ranges = ranges;
    this.#logger = logger;
  }

  /** Reads the file, if there is one. */
  async recall(): Promise<void> {
    try {
      const { folder, files } = stored.parse(JSON.parse(await readFile(this.#path, "utf8")));
      if (folder !== this.#folder) throw new Error(`it is about the folder ${folder}`);
      this.#ranges.recall(files);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      this.#logger.warn(
        { path: this.#path, err: error },
        "could not use what was remembered of the captures; they are read again",
      );
    }
  }

  /** Says that something was learned, which is written soon. */
  noteLearned(): void {
    this.#timer ??= setTimeout(() => this.#save(), gatherMs).unref();
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#save();
    await this.#writing;
  }

  #save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const files = [...this.#ranges.known()]
      .filter(({ finding }) => isLasting(finding))
      .map(({ version, head, finding }) => ({ version, head, finding }));
    const content = JSON.stringify({ format, folder: this.#folder, files }, storable);
    const temporary = `${this.#path}.${randomUUID()}.tmp`;
    try {
      await writeFile(temporary, content, { mode: 0o600, flag: "wx", flush: true });
      await rename(temporary, this.#path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {}); // the failure before is the news
      this.#logger.warn(
        { path: this.#path, err: error },
        "could not write down what was learned of the captures",
      );
    }
  }
}

function isLasting(finding: Finding): boolean {
  return finding.kind !== "damaged";
}

function storable(_: string, value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "bigint") return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}
