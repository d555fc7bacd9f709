import { randomFillSync } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Random, startTcpProxy, type TcpProxy } from "@stenogrpc/testkit";
import { attempt } from "../attempt.js";
import { anyMoment, anyTarget, type Scenario } from "../scenario.js";

// Cut between the handshake and the server's first word, it looks like a server that refuses the client's certificate. And now
// and then Node does not notice at all that a connection was reset under HTTP/2: then it is the deadline, or a PING, that ends it.
const broken = [
  "complete",
  "CONNECTION_LOST",
  "CONNECTION_FAILED",
  "CLIENT_CERTIFICATE_REJECTED",
  "TIMEOUT",
] as const;
const brokenDeadlineMs = 3000;
/** An answer of this many packets goes over even the worst network. */
const fewPackets = 50;

/** A scenario of a network that is good until something happens to it. */
function atMoment(
  name: string,
  mayClaim: readonly string[],
  happens: (proxy: TcpProxy, random: Random) => unknown,
  timeoutMs = brokenDeadlineMs,
): Scenario {
  return {
    name: `network: ${name}`,
    mayClaim,
    async run(scene, random) {
      const target = anyTarget(scene, random);
      const { port } = await target.serving();
      await using proxy = await startTcpProxy({ host: "127.0.0.1", port });
      await using client = await target.connect(proxy.port);
      const result = await attempt(client, scene.capture.first(), {
        request: { timeoutMs },
        momentBytes: anyMoment(scene, random),
        onMoment: () => happens(proxy, random),
      });
      return { target, attempt: result };
    },
  };
}

/** A scenario of a network that is bad from the beginning. */
function throughout(name: string, spoil: (proxy: TcpProxy) => void): Scenario {
  return {
    name: `network: ${name}`,
    mayClaim: ["complete"],
    async run(scene, random) {
      const target = anyTarget(scene, random);
      const { port } = await target.serving();
      await using proxy = await startTcpProxy({ host: "127.0.0.1", port });
      spoil(proxy);
      await using client = await target.connect(proxy.port);
      const result = await attempt(client, scene.capture.first(fewPackets), {});
      return { target, attempt: result };
    },
  };
}

export const networkScenarios: readonly Scenario[] = [
  atMoment("cut by a reset", broken, (proxy) => proxy.cut()),
  atMoment("cut by an end", broken, (proxy) => proxy.end()),
  atMoment(
    "stalls, then goes on",
    ["complete"],
    async (proxy, random) => {
      proxy.stall();
      await pause(random.between(10, 300));
      proxy.resume();
    },
    30_000,
  ),
  atMoment(
    "stalls past the deadline",
    ["complete", "TIMEOUT", "DEADLINE_EXCEEDED"],
    (proxy) => proxy.stall(),
    500,
  ),
  atMoment("closes the half to the client", broken, (proxy) => proxy.halfClose("client")),
  atMoment("closes the half to the server", broken, (proxy) => proxy.halfClose("server")),
  atMoment("garbage in the TLS stream", broken, (proxy, random) =>
    proxy.inject(randomFillSync(Buffer.alloc(random.between(1, 2000)))),
  ),
  throughout("a byte at a time", (proxy) => proxy.shred(1)),
  throughout("20 ms late", (proxy) => proxy.delay(20)),
];
