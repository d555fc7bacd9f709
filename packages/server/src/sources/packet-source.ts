import type { Capture, TimestampResolution, TimeWindow } from "@stenogrpc/pcap";
import type { AnyFilterNode, FilterNode } from "@stenogrpc/query";
import type { SourceOutcome } from "./source-outcome.js";

/**
 * Where packets come from. Implement it to serve packets from a store of your own.
 *
 * A source may deliver more than was asked (whole files, neighbouring minutes): the server applies the exact window
 * and the exact filter to every record. It must never deliver less without throwing.
 */
export interface PacketSource {
  /** Short name of the kind, shown to clients: "directory", "stenographer", ... */
  readonly kind: string;
  /** What it can do besides giving packets. */
  readonly abilities?: SourceAbilities;
  /**
   * Starts one retrieval.
   *
   * The signal aborts when the client leaves, the deadline passes or the server gives up. Tie every child, socket and
   * file to it: a generator that is blocked on a reader who never comes back is not resumed, so a `finally` alone leaks.
   *
   * @throws SourceError, here or while the batches are read
   */
  open(plan: RetrievalPlan, signal: AbortSignal): Promise<OpenSource>;
  /**
   * Tells what the source knows about what it holds, as cheaply as it can.
   *
   * @throws SourceError
   */
  describe(signal: AbortSignal): Promise<SourceDescription>;
  /**
   * Tells what a retrieval would read at most, without reading a packet.
   *
   * @throws SourceError
   */
  estimate?(plan: RetrievalPlan, signal: AbortSignal): Promise<SourceCost>;
  /** Releases what the source holds between retrievals. Called once, when the server closes. */
  close?(): Promise<void>;
}

/** What a source can do. */
export interface SourceAbilities {
  /** Chooses packets by an index like Stenographer's, so that `plan.index` spares it work. Default false. */
  readonly index?: boolean;
  /** Its packets have nanoseconds, or may have; else windows are widened to whole microseconds. Default true. */
  readonly nanoseconds?: boolean;
  /** The unit of time stamps that an answer has where the client asks for none. Default: the one that `open` gives. */
  readonly resolution?: TimestampResolution;
  /** Can put stripped VLAN tags back into frames: `plan.restoreVlanTags`. Default false. */
  readonly restoreVlanTags?: boolean;
}

/** What a retrieval reads at most. */
export interface SourceCost {
  /** Files that touch the window. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
}

/** One request, checked and made exact. */
export interface RetrievalPlan {
  /** The request's id, for logs. */
  readonly uid: string;
  /** Packets wanted: window.startNs <= time < window.endNs. */
  readonly window: TimeWindow;
  /** The filter, its relative times resolved; undefined: every packet in the window. The server matches it itself. */
  readonly filter: AnyFilterNode | undefined;
  /**
   * What an index can be asked for: selects every packet that `filter` does, and more. Undefined: nothing but time, or the
   * source has no index.
   */
  readonly index: FilterNode | undefined;
  /** Unit of time stamps that was asked for; undefined: the source's own. The server converts what comes in another. */
  readonly resolution: TimestampResolution | undefined;
  /** Put stripped VLAN tags back. Only where the source says that it can. */
  readonly restoreVlanTags: boolean;
}

/** A retrieval under way. */
export interface OpenSource extends Capture {
  /** What the client should know about the answer, in words and without paths. May grow until the last batch. */
  readonly warnings: readonly string[];
  /** The batches' bytes are no one else's until the next pull: the server may rewrite record headers in them. Default false. */
  readonly ownsBytes?: boolean;
  /** What the source knows about how whole its answer is. Asked once, behind the last batch that was wanted. */
  outcome?(): SourceOutcome | Promise<SourceOutcome>;
}

/** What a source knows about its packets. */
export interface SourceDescription {
  /** Time of the oldest packet, in nanoseconds since the epoch. */
  readonly oldestPacketNs?: bigint;
  /** Time of the newest packet, in nanoseconds since the epoch. */
  readonly newestPacketNs?: bigint;
}

/**
 * How a source fails:
 *
 * - `source-unavailable`: missing or down; the same request may work later
 * - `source-changed`: what was to be read went away meanwhile (rotated, replaced); the same request may work at once
 * - `source-failed`: it ran and failed
 * - `source-corrupt`: what it holds is damaged
 * - `mixed-link-types`: the answer would need two link types, which one pcap file cannot hold
 */
export type SourceErrorKind =
  | "source-unavailable"
  | "source-changed"
  | "source-failed"
  | "source-corrupt"
  | "mixed-link-types";

/**
 * A source's failure. The message goes to the client and so names no path, no query and no stderr; `details` and
 * `cause` go to the log only.
 */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly kind: SourceErrorKind;
  /** For the log: paths, exit codes, the tail of stderr. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    kind: SourceErrorKind,
    message: string,
    options?: { cause?: unknown; details?: Readonly<Record<string, unknown>> },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.details = options?.details ?? {};
  }
}
