/** What is wrong with a file, and where. */
export interface Damage {
  /** Which of the pair. */
  readonly part: "packets" | "index";
  /** Number of the thread, from 0, in the order they were given. */
  readonly thread: number;
  /** Name of the file, without its folder: microseconds of its creation. */
  readonly file: string;
  /** Number of the 1 MiB block in a packet file, from 0; absent for an index. */
  readonly block?: number;
  /** Offset in the file, in bytes. */
  readonly offset: number;
  /** What was found there, in words. */
  readonly what: string;
  /**
   * Whether packets may be missing for it. A damaged index costs none: the packet file is read whole instead.
   */
  readonly losesPackets: boolean;
}

/** Bytes of a file that cannot be what they should be. */
export class DamageError extends Error {
  override readonly name = "DamageError";

  constructor(
    /** What is wrong, without where. */
    readonly what: string,
    /** Offset in the file, in bytes. */
    readonly offset: number,
  ) {
    super(`${what} at byte ${offset}`);
  }
}
