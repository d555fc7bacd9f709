import type { Logger } from "pino";
import type { ServerTls } from "./read-server-tls.js";

/** Milliseconds between two looks. */
const lookEveryMs = 1000;

/** What the watch needs. */
interface WatchedCertificates {
  /** What the server runs with. */
  readonly inForce: ServerTls;
  /** Reads the files. */
  read(): Promise<ServerTls>;
  /** Puts it in force, or throws and changes nothing. */
  replace(tls: ServerTls): void;
  readonly logger: Logger;
}

/**
 * Notices when a server's certificate files hold something new, and puts it in force once it has been the same for two
 * looks: key and certificate are two files, and nobody writes both at once.
 *
 * It reads the files instead of asking the system for events: a few kilobytes a second, and no file system, symbolic link
 * (Kubernetes swaps those) or way of writing needs to be known.
 */
export class CertificateWatch {
  readonly #watched: WatchedCertificates;
  /** What was tried last, whether or not it would do. */
  #tried: string;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(watched: WatchedCertificates) {
    this.#watched = watched;
    this.#tried = this.#seen = JSON.stringify({ tls: watched.inForce });
    this.#wait();
  }

  /** Reads the files and puts them in force now. */
  async reload(): Promise<void> {
    const found = await this.#find();
    this.#tried = this.#seen = JSON.stringify(found);
    this.#try(found);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#look(), lookEveryMs).unref();
  }

  async #look(): Promise<void> {
    const found = await this.#find();
    if (this.#timer === undefined) return; // closed meanwhile
    const text = JSON.stringify(found);
    const settled = text === this.#seen;
    this.#seen = text;
    if (settled && text !== this.#tried) {
      this.#tried = text;
      this.#try(found);
    }
    this.#wait();
  }

  async #find(): Promise<Found> {
    try {
      return { tls: await this.#watched.read() };
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }

  #try(found: Found): void {
    try {
      if ("problem" in found) throw new Error(found.problem);
      this.#watched.replace(found.tls);
    } catch (error) {
      this.#watched.logger.error(
        { problem: messageOf(error) },
        "certificates not replaced, the old ones stay; correct the files, they are read again when they change and at SIGHUP",
      );
    }
  }
}

type Found = { readonly tls: ServerTls } | { readonly problem: string };

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
