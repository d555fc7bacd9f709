/** What is wrong with a file, and where. */
export interface Damage {
  /** Which of the pair. */
  readonly part: "packets" | "index";
  /** Number of the thread, from 0, in the order they were given. */
  readonly thread: number;
  /** Name of the file: microseconds of its creation. */
  readonly file: string;
  /** Number of the 1 MiB block in a packet file, from 0; undefined for an index. */
  readonly block: number | undefined;
  /** Offset in the file, in bytes. */
  readonly offset: number;
  /** What was found there, in words. */
  readonly message: string;
  /**
   * Whether packets may be missing for it. A damaged index costs none: the packet file is read whole instead.
   */
  readonly losesPackets: boolean;
}

/** Bytes of a file that cannot be what they should be. */
export class DamageError extends Error {
  override readonly name = "DamageError";

  constructor(
    message: string,
    /** Offset in the file, in bytes. */
    readonly offset: number,
  ) {
    super(`${message} at byte ${offset}`);
  }
}
