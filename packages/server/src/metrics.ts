import type { Shortfall } from "./outcome.js";

/** Numbers about a server, for whatever exports them. Times are seconds since 1970. */
export interface ServerMetrics {
  readonly retrievals: RetrievalMetrics;
  readonly connections: ConnectionMetrics;
  readonly reloads: ReloadMetrics;
  readonly certificates: CertificateMetrics;
}

/** What became of retrievals: counts since the server started. */
export interface RetrievalMetrics {
  /** Under way now. */
  readonly running: number;
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
  /** Bytes of pcap handed to the transport, of all of them. */
  readonly pcapBytes: number;
  /** Packets of those that were served. */
  readonly packets: number;
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

type Outcome = "served" | Shortfall;

/** Counts what comes of retrievals. */
export class RetrievalCounters {
  #outcomes: Record<Outcome, number> = { served: 0, canceled: 0, refused: 0, failed: 0 };
  #pcapBytes = 0;
  #packets = 0;

  /** A retrieval has ended. */
  count(outcome: Outcome, pcapBytes: number, packets: number): void {
    this.#outcomes[outcome]++;
    this.#pcapBytes += pcapBytes;
    this.#packets += packets;
  }

  metrics(running: number): RetrievalMetrics {
    return { running, ...this.#outcomes, pcapBytes: this.#pcapBytes, packets: this.#packets };
  }
}
