import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A bad network between a client and a server. */
export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Bytes passed on from the server to clients so far. */
  readonly bytesToClients: number;
  /** Connections open now. */
  readonly connections: number;
  /** From now on passes at most this many bytes a second to each client; Infinity: as fast as it goes. */
  throttle(bytesPerSecond: number): void;
  /** From now on passes nothing in either direction, and keeps the connections open. */
  stall(): void;
  /** Passes bytes again. */
  resume(): void;
  /** Breaks every connection with a reset, on both sides. */
  cut(): void;
  close(): Promise<void>;
}

/** Largest piece that is passed at once while throttled, so that the rate is even. */
const throttledPieceBytes = 16_384;

/** Starts a proxy on a free port of 127.0.0.1 that passes bytes on to `target`. */
export async function startTcpProxy(
  target: { readonly host: string; readonly port: number },
  options: { readonly bytesPerSecond?: number } = {},
): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let bytesPerSecond = options.bytesPerSecond ?? Number.POSITIVE_INFINITY;
  let bytesToClients = 0;
  let gate = openGate();

  async function pass(from: Socket, to: Socket, isThrottled: boolean): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      // no encoding is set, so the pieces are bytes
      let at = 0;
      while (at < chunk.length) {
        await gate.opened;
        const slow = isThrottled && bytesPerSecond < Number.POSITIVE_INFINITY;
        const piece = chunk.subarray(at, slow ? at + throttledPieceBytes : chunk.length);
        at += piece.length;
        if (isThrottled) bytesToClients += piece.length;
        if (!to.write(piece)) await Promise.race([once(to, "drain"), once(to, "close")]);
        if (to.destroyed) return;
        if (slow) await pause(piece.length / bytesPerSecond);
      }
    }
    to.end();
  }

  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [upstream, client] as const]) {
      one.on("error", () => other.destroy());
      one.on("close", () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
    // What goes wrong on a socket has been handled above: the other side is gone too.
    pass(client, upstream, false).catch(() => {});
    pass(upstream, client, true).catch(() => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const breakAll = (): void => {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  };
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port, // a TCP server that listens has one
    get bytesToClients() {
      return bytesToClients;
    },
    get connections() {
      return pairs.size;
    },
    throttle: (rate) => {
      bytesPerSecond = rate;
    },
    stall: () => {
      gate = closedGate();
    },
    resume: () => {
      gate.open();
    },
    cut: breakAll,
    async close() {
      gate.open();
      server.close();
      breakAll();
      await once(server, "close");
    },
  };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000).unref();
  });
}

interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

function openGate(): Gate {
  return { opened: Promise.resolve(), open: () => {} };
}

function closedGate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
