import { resolve } from "node:path";
import { Readable } from "node:stream";
import { sameType, strictOptions } from "@stenogrpc/options";
import type { PacketRecord } from "@stenogrpc/pcap";
import * as z from "zod";
import { checkOptions, optionsInvalid } from "../check-options.js";
import type { FetchResult } from "../fetch-result.js";
import { PcapFetch } from "../pcap-fetch.js";
import { resultJson } from "../result-json.js";
import type { Retrieval } from "../retrieval.js";
import { withJson } from "../with-json.js";
import { describeRetrieval, type ServerPeer } from "./evidence/describe-retrieval.js";
import { type FetchProgress, reportProgress } from "./progress.js";
import { saveFile } from "./save-file.js";
import { savedRecords } from "./saved-records.js";

/** How an answer is saved. Unknown keys are refused. */
export interface ToFileOptions {
  /**
   * Told how far it is, at most ten times a second and once when all has come, before the file takes its name. An error it throws ends
   * the retrieval, and no file comes of it. Default: none.
   */
  onProgress?: ((progress: FetchProgress) => void) | undefined;
  /** Whether a file that is there, and its manifest, may be replaced; false refuses before anything is fetched. Default: true. */
  overwrite?: boolean | undefined;
  /**
   * Whether the file gets a manifest beside it, `PATH.manifest.json`: what was asked, of whom, by whom, and what came of it.
   * `verifyEvidence` checks the file against it. Default: false.
   */
  manifest?: boolean | undefined;
}

const toFileSchema = strictOptions({
  onProgress: z
    .custom<(progress: FetchProgress) => void>((value) => typeof value === "function", {
      error: "pass a function",
    })
    .optional(),
  overwrite: z.boolean().default(true),
  manifest: z.boolean().default(false),
});
sameType<ToFileOptions, z.input<typeof toFileSchema>>(true);

/** What came of a retrieval, and where it was saved. */
export interface SavedPcap extends FetchResult {
  /** The path of the file, as it was given. */
  readonly path: string;
  /** The path of its manifest; undefined where none was wanted. */
  readonly manifestPath: string | undefined;
  /**
   * The packets of the file, one after the other; `data` is a copy. As often as wanted: it is read from the disk each time. Throws
   * StenographerError, `FILE_FAILED` where it is no longer the file that was saved, which shows at its end at the latest.
   */
  records(): AsyncIterable<PacketRecord>;
}

/** One retrieval, to be read once: as `PcapFetch` can be, and as a file or a Node stream. */
export class NodePcapFetch extends PcapFetch {
  readonly #server: () => ServerPeer;

  /** @internal */
  constructor(retrieval: Retrieval, server: () => ServerPeer) {
    super(retrieval);
    this.#server = server;
  }

  /**
   * Saves the answer, and resolves when it is whole, verified and on the disk.
   *
   * Until then it grows in `.<name>.<uid>.partial` beside it (mode 0600), which goes away on any failure: under `path` there
   * is never anything but a whole answer. A truncated one is whole as far as it goes, one without packets is a valid, empty
   * pcap file; see `verdict`. Rejects with StenographerError, `OPTIONS_INVALID` before anything is fetched, `FILE_FAILED` if the
   * file is to blame.
   */
  async toFile(path: string, options: ToFileOptions = {}): Promise<SavedPcap> {
    checkPath(path);
    const { onProgress, overwrite, manifest } = checkOptions("toFile", toFileSchema, options);
    const file = resolve(path); // the process may go to another folder
    const retrieval = this.take("toFile()").lending().beginningAnew();
    const { plan } = retrieval;
    const { uid, signal } = plan;
    const requestedAt = new Date();
    const describe = async (): Promise<string> => {
      const result = await retrieval.result;
      const ended = { plan, result, server: this.#server(), requestedAt, endedAt: new Date() };
      return `${JSON.stringify(describeRetrieval(path, ended), null, 2)}\n`;
    };
    const pieces = onProgress
      ? reportProgress(onProgress, () => retrieval.counts).over(retrieval)
      : retrieval;
    let manifestPath: string | undefined;
    try {
      manifestPath = await saveFile(path, pieces, {
        uid,
        overwrite,
        signal,
        attempt: () => retrieval.attempt,
        manifest: manifest ? describe : undefined,
      });
    } finally {
      await retrieval.return();
    }
    return savedPcap({ path, manifestPath, ...(await retrieval.result) }, file);
  }

  /** The answer's bytes as a Node stream. Nothing is fetched ahead of the reader; `destroy()` cancels the retrieval. */
  toReadable(): Readable {
    const retrieval = this.take("toReadable()");
    return new Readable({
      // One piece is the buffer: bytes are only pulled when the reader wants more.
      highWaterMark: 1,
      read() {
        retrieval.next().then(
          (next) => this.push(next.done ? null : next.value),
          (error) => this.destroy(error),
        );
      },
      destroy(error, callback) {
        retrieval.return().then(() => callback(error), callback);
      },
    });
  }
}

/** A plain object, as all results are: its functions are seen only by who asks for them. */
function savedPcap(saved: Omit<SavedPcap, "records">, path: string): SavedPcap {
  const value: SavedPcap = Object.defineProperty(
    { ...saved, records: () => savedRecords({ ...saved, path }) },
    "records",
    { enumerable: false },
  );
  return withJson(value, savedJson);
}

function savedJson({ manifestPath, ...saved }: SavedPcap) {
  return { ...resultJson(saved), manifestPath: manifestPath ?? null };
}

/** Programs in JavaScript may pass what node:fs takes besides: a `file:` URL, a Buffer. */
function checkPath(path: unknown): void {
  if (typeof path === "string" && path !== "") return;
  const got =
    path === ""
      ? "an empty one"
      : path instanceof URL
        ? "a URL; pass fileURLToPath(url)"
        : path === null
          ? "null"
          : `a value of type ${typeof path}`;
  throw optionsInvalid(`toFile: the path must be a string that names a file, not ${got}`);
}
