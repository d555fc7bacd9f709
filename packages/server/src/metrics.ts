import type { Shortfall } from "./outcome.js";

/** Numbers about a sensor, for whatever exports them. */
export interface SensorMetrics {
  readonly retrievals: RetrievalMetrics;
}

/** Numbers about a server. Times are seconds since 1970. */
export interface ServerMetrics extends SensorMetrics {
  readonly connections: ConnectionMetrics;
  readonly reloads: ReloadMetrics;
  readonly certificates: CertificateMetrics;
}

/** What became of retrievals: counts since the server started. */
export interface RetrievalMetrics {
  /** Under way now, those that wait for a place too. */
  readonly running: number;
  /** Waiting for a place now. */
  readonly queued: number;
  /** Answered to the last message, whether or not a limit cut the answer. */
  readonly served: number;
  /** Left or given up by their clients. */
  readonly canceled: number;
  /**
   * Refused before anything was sent: for the request's or the client's sake, a bad filter, no free place, too long, or since the server
   * shuts down.
   */
  readonly refused: number;
  /** Failed for the sensor's sake, or ended by the server when some was sent. */
  readonly failed: number;
  /** The same by reason: what was not served. */
  readonly shortfalls: readonly ShortfallMetrics[];
  /** Bytes of pcap handed to the transport, of all of them. */
  readonly pcapBytes: number;
  /** Packets of those that were served. */
  readonly packets: number;
}

/** How many retrievals ended in one way for one reason. */
export interface ShortfallMetrics {
  readonly outcome: "canceled" | "refused" | "failed";
  /** What the client was told: NO_FREE_SLOT, SOURCE_UNAVAILABLE, ... */
  readonly reason: string;
  readonly count: number;
}

/** TCP connections. */
export interface ConnectionMetrics {
  /** Open now, those in their handshakes too. */
  readonly open: number;
  /** Accepted since the server started. */
  readonly accepted: number;
  /** Closed at once since then, for `limits.connections` or `limits.connectionsPerAddress`. */
  readonly turnedAway: number;
  /** Handshakes that failed since the server started: no certificate, a wrong one, no TLS at all. */
  readonly tlsRefused: number;
}

/** Times that certificates were replaced while the server ran, and times that a new set was refused. */
export interface ReloadMetrics {
  readonly done: number;
  readonly refused: number;
}

/** When certificates end. */
export interface CertificateMetrics {
  /** When this server's certificate, or the first of its chain, expires. */
  readonly serverExpiresAt: number;
  /** When the first of the certificate authorities expires. */
  readonly authorityExpiresAt: number;
  /** When the first of the revocation lists is out of date. Only with such lists. */
  readonly revocationListExpiresAt?: number;
  /** Client certificates seen within a day that expire soon. */
  readonly clientsNearExpiry: number;
}

/** Counts what comes of retrievals. */
export class RetrievalCounters {
  #served = 0;
  #pcapBytes = 0;
  #packets = 0;
  /** Counts by reason. Reasons are constants of ours, so that there are not many. */
  readonly #shortfalls: Record<Shortfall, Map<string, number>> = {
    canceled: new Map(),
    refused: new Map(),
    failed: new Map(),
  };

  /** A retrieval has got its whole answer. */
  served(pcapBytes: number, packets: number): void {
    this.#served++;
    this.#pcapBytes += pcapBytes;
    this.#packets += packets;
  }

  /** A retrieval has ended before. */
  fellShort(outcome: Shortfall, reason: string, pcapBytes: number): void {
    const counts = this.#shortfalls[outcome];
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    this.#pcapBytes += pcapBytes;
  }

  metrics(now: { running: number; queued: number }): RetrievalMetrics {
    const shortfalls = (["canceled", "refused", "failed"] as const).flatMap((outcome) =>
      [...this.#shortfalls[outcome]].map(([reason, count]) => ({ outcome, reason, count })),
    );
    const all = (outcome: Shortfall): number =>
      shortfalls.reduce((sum, each) => sum + (each.outcome === outcome ? each.count : 0), 0);
    return {
      ...now,
      served: this.#served,
      canceled: all("canceled"),
      refused: all("refused"),
      failed: all("failed"),
      shortfalls,
      pcapBytes: this.#pcapBytes,
      packets: this.#packets,
    };
  }
}
