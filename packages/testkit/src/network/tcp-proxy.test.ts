import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../eventually.js";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.js";

let server: Server;
let served: Socket[];
let proxy: TcpProxy;

beforeEach(async () => {
  served = [];
  server = createServer((socket) => {
    served.push(socket.on("error", () => {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await startTcpProxy({ host: "127.0.0.1", port: (server.address() as AddressInfo).port }); // it listens
});

afterEach(async () => {
  await proxy.close();
  server.close();
  for (const socket of served) socket.destroy();
});

async function connectThrough(): Promise<{ client: Socket; received: () => number }> {
  const client = connect(proxy.port, proxy.host).on("error", () => {});
  let bytes = 0;
  client.on("data", (chunk) => {
    bytes += chunk.length;
  });
  await eventually(() => served.length === 1);
  return { client, received: () => bytes };
}

describe("startTcpProxy", () => {
  it("passes bytes both ways, and the end", async () => {
    const { client } = await connectThrough();
    served[0]?.on("data", (chunk) => served[0]?.end(Buffer.concat([Buffer.from("you said "), chunk])));
    client.write("hello");
    const answer: Buffer[] = [];
    client.on("data", (chunk) => answer.push(chunk));
    await once(client, "end");
    expect(Buffer.concat(answer).toString()).toBe("you said hello");
  });

  it("passes nothing while it stalls, and everything after", async () => {
    const { received } = await connectThrough();
    served[0]?.write("before");
    await eventually(() => received() === 6);
    proxy.stall();
    served[0]?.write("after");
    // That nothing comes can't be awaited; that the bytes have been read and kept can.
    await eventually(() => served[0]?.bytesWritten === 11);
    expect([received(), proxy.bytesToClients]).toEqual([6, 6]);
    proxy.resume();
    await eventually(() => received() === 11);
  });

  it("keeps back what its rate does not allow", async () => {
    proxy.throttle(1024 * 1024 * 1024);
    const { received } = await connectThrough();
    proxy.throttle(1000);
    served[0]?.write(Buffer.alloc(1_000_000));
    await eventually(() => received() > 0);
    // The first piece, and 16 s of waiting after it.
    expect(proxy.bytesToClients).toBe(16_384);
    proxy.throttle(Number.POSITIVE_INFINITY);
  });

  it("resets both sides when it cuts", async () => {
    const { client } = await connectThrough();
    const reset = new Promise((resolve) => client.once("close", resolve));
    proxy.cut();
    await reset;
    await eventually(() => served[0]?.destroyed === true);
    await eventually(() => proxy.connections === 0);
  });

  it("passes a byte at a time, late, when it is told to", async () => {
    const { client, received } = await connectThrough();
    proxy.shred(1);
    proxy.delay(1);
    const pieces: number[] = [];
    client.on("data", (chunk) => pieces.push(chunk.length));
    served[0]?.write("twelve bytes");
    await eventually(() => received() === 12);
    expect(pieces.length).toBeGreaterThan(1);
  });

  it("puts bytes into the stream that the server did not send", async () => {
    const { client } = await connectThrough();
    const seen: Buffer[] = [];
    client.on("data", (chunk) => seen.push(chunk));
    proxy.inject(Buffer.from("garbage"));
    await eventually(() => Buffer.concat(seen).toString() === "garbage");
  });

  it("ends both sides without a reset", async () => {
    const { client } = await connectThrough();
    const errors: unknown[] = [];
    client.on("error", (error) => errors.push(error));
    const ended = once(client, "end");
    proxy.end();
    await ended;
    await eventually(() => served[0]?.destroyed === true && proxy.connections === 0);
    expect(errors).toEqual([]);
  });

  it("ends one direction and keeps the other", async () => {
    const { client } = await connectThrough();
    client.allowHalfOpen = true;
    const ended = once(client, "end");
    const heard: Buffer[] = [];
    served[0]?.on("data", (chunk) => heard.push(chunk));
    proxy.halfClose("client");
    await ended;
    client.write("still here");
    await eventually(() => Buffer.concat(heard).toString() === "still here");
  });
});
