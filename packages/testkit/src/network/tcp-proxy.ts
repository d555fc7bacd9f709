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
  /** From now on passes at most this many bytes in one write, in both directions, each in a TCP segment of its own. */
  shred(bytes: number): void;
  /** From now on keeps every piece back this long, in milliseconds, in both directions. */
  delay(ms: number): void;
  /** Puts bytes that the server did not send into the streams to clients. */
  inject(bytes: Uint8Array): void;
  /** Breaks every connection with a reset, on both sides. */
  cut(): void;
  /** Ends every connection in order, on both sides, whatever is still under way. */
  end(): void;
  /** Tells one side that the other has no more to say; the other direction stays open. */
  halfClose(side: "client" | "server"): void;
  close(): Promise<void>;
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
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
  let shredBytes = Number.POSITIVE_INFINITY;
  let delayMs = 0;
  let gate = openGate();

  async function pass(from: Socket, to: Socket, isThrottled: boolean): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      // no encoding is set, so the pieces are bytes
      let at = 0;
      while (at < chunk.length) {
        await gate.opened;
        const slow = isThrottled && bytesPerSecond < Number.POSITIVE_INFINITY;
        if (delayMs > 0) await pause(delayMs / 1000);
        const most = Math.min(shredBytes, slow ? throttledPieceBytes : Number.POSITIVE_INFINITY);
        const piece = chunk.subarray(at, at + most);
        at += piece.length;
        if (isThrottled) bytesToClients += piece.length;
        if (to.destroyed || to.writableEnded) return;
        if (!to.write(piece)) await Promise.race([once(to, "drain"), once(to, "close")]);
        if (slow) await pause(piece.length / bytesPerSecond);
      }
    }
    to.end();
  }

  // Half open, so that the end of one direction is passed on as that and no more.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ ...target, allowHalfOpen: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) socket.setNoDelay(true);
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
  const close = async (): Promise<void> => {
    gate.open();
    server.close();
    breakAll();
    await once(server, "close");
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
    shred: (bytes) => {
      shredBytes = bytes;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    inject: (bytes) => {
      for (const [client] of pairs) client.write(bytes);
    },
    cut: breakAll,
    end: () => {
      for (const pair of pairs) for (const socket of pair) socket.end(() => socket.destroy());
    },
    halfClose: (side) => {
      for (const [client, upstream] of pairs) (side === "client" ? client : upstream).end();
    },
    close,
    [Symbol.asyncDispose]: close,
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
