import { once } from "node:events";
import { connect } from "node:http2";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { expect, it } from "vitest";
import { encodeFrame, frameType } from "../../../test-support/http2-frame.js";
import { DivertingSocket, type OnRead } from "./diverting-socket.js";
import type { WindowLimits } from "./flow-windows.js";

const limits = { streamWindowBytes: 1_048_576, connectionWindowBytes: 2_097_152 };
const ping = encodeFrame({ type: frameType.ping, flags: 0, streamId: 0, payload: Buffer.alloc(8, 7) });

/** A diverting socket over a stand-in that reads as it is told, and remembers what is written. */
function divertingSocket(windows: WindowLimits = limits) {
  const written: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _, callback) {
      written.push(chunk);
      callback();
    },
    // As long as the other end does not take it.
    final() {},
  });
  let onread: OnRead | undefined;
  const diverting = new DivertingSocket((given) => {
    onread = given;
    return socket as unknown as TLSSocket; // the little of it that is used
  }, windows);
  const arrive = (bytes: Uint8Array): boolean => {
    const { buffer, callback } = onread as OnRead; // set by the constructor
    buffer.set(bytes);
    return callback(bytes.length, buffer);
  };
  return { diverting, socket, written, arrive };
}

function dataFrame(streamId: number, payloadBytes: number): Uint8Array {
  return encodeFrame({ type: frameType.data, flags: 0, streamId, payload: new Uint8Array(payloadBytes) });
}

/** The WINDOW_UPDATE frames among what was written: by stream, the sum. */
function refunds(written: readonly Buffer[]): Record<number, number> {
  const sums: Record<number, number> = {};
  for (const frame of written) {
    expect(frame.subarray(0, 5)).toEqual(Buffer.from([0, 0, 4, 8, 0]));
    const streamId = frame.readUInt32BE(5);
    sums[streamId] = (sums[streamId] ?? 0) + frame.readUInt32BE(9);
  }
  return sums;
}

it("stops reading from the network while node:http2 does not take what came, and goes on when it does", () => {
  const { diverting, socket, arrive } = divertingSocket();
  let arrived = 0;
  while (arrive(ping)) arrived += ping.length;
  expect(arrived).toBeLessThanOrEqual(diverting.readableHighWaterMark);
  socket.pause();
  while (diverting.read() !== null);
  expect(socket.isPaused()).toBe(false);
  expect(arrive(ping)).toBe(true);
});

it("writes nothing before the server's certificate was found good", async () => {
  const { diverting, socket, written } = divertingSocket();
  diverting.write(ping);
  await setImmediate();
  expect(written).toEqual([]);
  socket.emit("secureConnect");
  expect(written).toEqual([Buffer.from(ping)]);
});

it("gives the connection's window back as DATA comes, the stream's as it is read", () => {
  const { diverting, written, arrive } = divertingSocket();
  const diversion = diverting.divert(1, () => {});
  for (let i = 0; i < 32; i++) arrive(dataFrame(1, 16_384)); // half the window
  expect(refunds(written)).toEqual({ 0: 524_288 });
  diversion.refund(262_143);
  expect(refunds(written)).toEqual({ 0: 524_288 });
  diversion.refund(1);
  expect(refunds(written)).toEqual({ 0: 524_288, 1: 262_144 });
});

it("widens the window of a stream that is read as it comes, up to what the limits let it", () => {
  const { diverting, written, arrive } = divertingSocket({
    streamWindowBytes: 8_388_608,
    connectionWindowBytes: 8_388_608,
  });
  const diversion = diverting.divert(1, () => {});
  let arrived = 0;
  for (; arrived < 16_777_216; arrived += 16_384) {
    arrive(dataFrame(1, 16_384));
    diversion.refund(16_384);
  }
  const credit = 1_048_576 + (refunds(written)[1] ?? 0) - arrived;
  expect(credit).toBeLessThanOrEqual(8_388_608);
  expect(credit).toBeGreaterThan(6_000_000);
});

it("gives back what is left when the window becomes so narrow that a server may wait for it", () => {
  const { diverting, written, arrive } = divertingSocket();
  const diversion = diverting.divert(1, () => {});
  for (let i = 0; i < 8; i++) arrive(dataFrame(1, 16_384));
  diversion.refund(131_072);
  expect(refunds(written)).toEqual({});
  diverting.streamWindow = { first: 131_072, widest: 131_072 };
  expect(refunds(written)).toEqual({ 1: 131_072 });
});

it("ends a connection whose server sends more than its window", async () => {
  const { diverting, socket, arrive } = divertingSocket();
  const failure = new Promise((resolve) => diverting.once("error", resolve));
  diverting.divert(1, () => {});
  for (let i = 0; i < 64; i++) arrive(dataFrame(1, 16_384));
  expect(diverting.destroyed).toBe(false);
  arrive(dataFrame(1, 1));
  expect(await failure).toMatchObject({ message: "the server sends more than its window lets it" });
  expect(socket.destroyed).toBe(true);
});

it("hands nothing on once a diversion has ended, but counts what comes", () => {
  const { diverting, written, arrive } = divertingSocket();
  let taken = 0;
  const diversion = diverting.divert(1, (_, start, end) => {
    taken += end - start;
  });
  const frame = dataFrame(1, 16_384);
  arrive(frame.subarray(0, 1009));
  diversion.end();
  arrive(frame.subarray(1009));
  diversion.refund(300_000);
  expect(taken).toBe(1000);
  expect(refunds(written)).toEqual({});
  expect(diverting.read()).toBeNull();
  arrive(dataFrame(1, 16));
  expect(diverting.read()).toHaveLength(25);
});

it("lets what came before the end of a connection be read behind it", async () => {
  const { diverting, socket, arrive } = divertingSocket();
  arrive(ping);
  socket.push(null);
  socket.resume();
  await once(socket, "end");
  socket.destroy();
  await setImmediate();
  expect(diverting.destroyed).toBe(false);
  expect(diverting.read()).toEqual(Buffer.from(ping));
  await new Promise((resolve) => diverting.once("close", resolve));
});

it("goes where the server ends, so that a session which ends right then has nothing to write to", async () => {
  const { diverting, socket } = divertingSocket();
  const session = connect("https://localhost", { createConnection: () => diverting });
  const closed = once(session, "close");
  socket.emit("secureConnect");
  socket.push(null);
  socket.resume();
  await setImmediate();
  session.destroy();
  await closed;
  expect(socket.destroyed).toBe(true);
});
