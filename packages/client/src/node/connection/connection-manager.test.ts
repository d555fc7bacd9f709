import { type AddressInfo, createServer, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { expect, it, vi } from "vitest";
import { activeResources, expectNothingLeft } from "../../../test-support/leaks.js";
import { ConnectionManager } from "./connection-manager.js";

it("gives a handshake the time that connecting may take, though a PING waits behind it", async () => {
  const before = activeResources();
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo; // it listens on TCP
  const manager = new ConnectionManager({
    address: { host: "127.0.0.1", port, text: `127.0.0.1:${port}` },
    credentials: {
      latest: () => ({ context: createSecureContext(), expiresAtMs: Number.POSITIVE_INFINITY }),
      problem: undefined,
    },
    minVersion: "TLSv1.3",
    serverName: undefined,
    connectTimeoutMs: 60_000,
    pingIntervalMs: 10,
    streamWindowBytes: 65_535,
    connectionWindowBytes: 65_535,
  });
  const ping = vi.fn();
  const setTimer = vi.spyOn(globalThis, "setTimeout");
  const stream = await manager.request("POST", "/", {}, {});
  stream.on("error", () => {});
  const { session } = stream;
  if (session) session.ping = ping;
  await expect.poll(() => ping.mock.calls.length).toBe(1);
  const waits = setTimer.mock.calls.map(([, ms]) => ms);
  vi.restoreAllMocks();
  // Behind the interval, by when the PING must have been answered.
  expect(waits[waits.indexOf(10) + 1]).toBe(60_000);
  await manager.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
  await expectNothingLeft(before);
});
