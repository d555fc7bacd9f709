import type { Coverage, Covered } from "./coverage.js";
import type { Damage } from "./damage.js";
import type { FilterDialect } from "./filter-dialect.js";

/**
 * How a retrieval ended well.
 *
 * - `complete`: every packet the sensor has in the window and that matches
 * - `truncated`: a limit stopped it; there were more packets, `stoppedBy` says which limit
 * - `incomplete`: damage in the source cost packets that may have matched; what could be read is there, `damage` says what
 *   could not; a limit may have stopped it besides
 * - `no-packets`: complete, and there is none
 */
export type Verdict = "complete" | "truncated" | "incomplete" | "no-packets";

/** Which limit ended the answer before the packets did. `budget` is what the server gives this client within an hour. */
export type StoppedByLimit = "nothing" | "max-bytes" | "max-packets" | "server-limit" | "budget";

/**
 * How far the answer could be checked.
 *
 * - `full`: order, record boundaries, window, counts and SHA-256 agree with the server's summary
 * - `structure-only`: an original server, which sends no summary; only the form of the capture was checked
 */
export type Verification = "full" | "structure-only";

/**
 * Whether the source is known to have given everything it has.
 *
 * - `proved`: it counted what it should give, by other means than the answer, and gave that
 * - `unproved`: nothing went wrong that it would notice
 * - `unstated`: it does not say
 */
export type Completeness = "proved" | "unproved" | "unstated";

/** What came of a retrieval: a plain object, times in nanoseconds since the epoch. `JSON.stringify` prints what `resultJson` gives. */
export interface FetchResult {
  /** The uid of the retrieval, which is also in the server's log. */
  readonly uid: string;
  readonly verdict: Verdict;
  readonly stoppedBy: StoppedByLimit;
  /** Packets received. */
  readonly packets: number;
  /** Bytes of pcap received, file header included. */
  readonly pcapBytes: number;
  /** SHA-256 over those bytes, in lower-case hex. */
  readonly sha256: string;
  /** Time of the earliest packet. Undefined where there is none. */
  readonly firstPacketNs: bigint | undefined;
  /** Time of the latest packet. Undefined where there is none. */
  readonly lastPacketNs: bigint | undefined;
  /** Kind of source: "stenoread", "stenographer", "directory", ... Empty from an original server. */
  readonly source: string;
  /** Name of the sensor. Empty from an original server. */
  readonly sensor: string;
  /** Software and version of the server. Empty: it does not say. */
  readonly serverVersion: string;
  /** Who asked, as the server read it from the client's certificate. Empty: it does not say. */
  readonly clientIdentity: string;
  /** The window that was applied, half-open. */
  readonly window: { readonly startNs: bigint; readonly endNs: bigint };
  /** The filter that was applied, as the server printed it. Empty: every packet. */
  readonly filter: string;
  /** The language that the filter was read in. Undefined without a filter. */
  readonly filterDialect: FilterDialect | undefined;
  /** What every packet had to match besides the filter, by the client's role on the server. Empty: nothing. */
  readonly policyFilter: string;
  /** Bytes kept of each packet behind its transport header, by that role. Undefined: packets are as captured. */
  readonly payloadLimitBytes: number | undefined;
  readonly completeness: Completeness;
  /** Which part of the window the source can answer for. Undefined: it does not know. */
  readonly coverage: Coverage | undefined;
  /** How much of the window's time the source can answer for, by `coverage`. With "none", `no-packets` says nothing of the traffic. */
  readonly covered: Covered;
  /** What could not be read; the first hundred. */
  readonly damage: readonly Damage[];
  /**
   * What the answer lacks, in words, one fact each: what a limit cut off and how to get it, what the client's role keeps from it, what matches
   * only behind VLAN tags, clocks that differ, the gaps of `coverage`, and `damage` that cost packets. Empty: nothing that is known.
   * Their names come from the server; print them as text from elsewhere.
   */
  readonly shortcomings: readonly string[];
  /** Packet records the source delivered before any exact check. */
  readonly recordsSeen: number;
  /** Records of those outside the window, left out. */
  readonly recordsOutsideWindow: number;
  /** Records of those inside the window that did not match the filter. */
  readonly recordsUnmatched: number;
  /**
   * Records of those unmatched that match behind a VLAN tag, where a filter in tcpdump's language does not look without `vlanTransparent`.
   * 0 where the filter looks there, or names `vlan`, and from servers that do not count them.
   */
  readonly recordsBehindVlan: number;
  /**
   * How far the server's clock is ahead of this client's, at least, in milliseconds; negative: behind; 0: no difference can be seen.
   * Undefined: the server does not say.
   */
  readonly clockSkewMs: number | undefined;
  /** What the reader should know about the answer, in words. */
  readonly warnings: readonly string[];
  readonly verification: Verification;
  /** How often the request was sent again, for want of a place or, with `retryOutages`, for an outage or packets to come. */
  readonly retries: number;
}
