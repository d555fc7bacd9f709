import type { Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "../logger.js";
import type { ConnectionMetrics } from "../metrics.js";
import { AddressCount } from "./address-count.js";
import type { ConnectionLimits } from "./connection-limits.js";
import { LogBudget } from "./log-budget.js";

/** Who gets as far as a TLS connection: not too many, not too many of one address, and none that the handshake refuses. */
export class ConnectionGate {
  readonly #logger: Logger;
  readonly #budget = new LogBudget();
  readonly #perAddress = new AddressCount();
  readonly #turnedAway = new WeakSet<Socket>();
  #open = 0;
  #counts = { accepted: 0, turnedAway: 0, tlsRefused: 0 };

  constructor(server: Http2SecureServer, limits: ConnectionLimits, logger: Logger) {
    this.#logger = logger;
    server.maxConnections = limits.connections;
    server.on("drop", (data) => this.#turnAway(data?.remoteAddress, "connections"));
    server.on("connection", (socket: Socket) => this.#enter(socket, limits.connectionsPerAddress));
    server.on("tlsClientError", (error, socket) => this.#refused(error, socket));
  }

  metrics(): ConnectionMetrics {
    return { open: this.#open, ...this.#counts };
  }

  #enter(socket: Socket, maxPerAddress: number): void {
    // Read now: Node forgets it with the connection, unless somebody has asked before.
    const address = socket.remoteAddress ?? "";
    this.#open++;
    const fromThere = this.#perAddress.add(address);
    socket.once("close", () => {
      this.#open--;
      this.#perAddress.remove(address);
    });
    if (fromThere <= maxPerAddress) {
      this.#counts.accepted++;
      return;
    }
    this.#turnedAway.add(socket);
    this.#turnAway(address, "connectionsPerAddress");
    socket.destroy();
  }

  #turnAway(peer: string | undefined, limit: keyof ConnectionLimits): void {
    this.#counts.turnedAway++;
    this.#budget.spend((more) => this.#logger.warn({ peer, limit, ...more }, "connection turned away"));
  }

  #refused(error: Error, socket: TLSSocket): void {
    // Node has no public way from a TLS socket to the TCP socket below it, which alone still knows its peer.
    const { _parent: below } = socket as { _parent?: Socket };
    if (below && this.#turnedAway.has(below)) return;
    this.#counts.tlsRefused++;
    const peer = socket.remoteAddress ?? below?.remoteAddress;
    // What OpenSSL said of the certificate, else of the handshake: Node's TLS errors carry a code.
    const code = socket.authorizationError ?? (error as NodeJS.ErrnoException).code;
    this.#budget.spend((more) => this.#logger.warn({ peer, code, ...more }, "TLS refused"));
  }
}
