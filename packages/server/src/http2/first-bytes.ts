import type { TLSSocket } from "node:tls";
import { frameHeaderBytes, frameType } from "./frame-scanner.js";
import { SendWindows } from "./send-windows.js";

/** The magic with which a client begins (RFC 9113, section 3.4). Its SETTINGS follow. */
export const prefaceBytes = 24;

/** What is read of the SETTINGS, which have six entries of six bytes as a rule. */
const mostSettingsBytes = 1000;

/** Milliseconds in which a client is to say it. They do so at once, since they need not wait for the server's part. */
const patienceMs = 1000;

/**
 * Takes what a client says first: its preface and its first frame at least, or what there is of them after a while. Calls `take` with
 * the socket paused; not at all where the connection ends before.
 */
export function takeFirstBytes(socket: TLSSocket, take: (bytes: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  const settle = (): void => {
    clearTimeout(timer);
    socket.off("data", read).off("end", close).off("error", ignore).off("close", close).pause();
    take(bytes);
  };
  const read = (piece: Buffer): void => {
    bytes = Buffer.concat([bytes, piece]);
    if (bytes.length >= firstFrameEnd(bytes)) settle();
  };
  const close = (): void => {
    clearTimeout(timer);
    socket.destroy();
  };
  const ignore = (): void => {}; // "close" follows
  const timer = setTimeout(settle, patienceMs).unref();
  socket.on("data", read).once("end", close).on("error", ignore).once("close", close);
}

/** Where the first frame ends; where its payload begins, if that is not known yet or it is none that matters. */
function firstFrameEnd(bytes: Buffer): number {
  const payloadAt = prefaceBytes + frameHeaderBytes;
  if (bytes.length < payloadAt || bytes[prefaceBytes + 3] !== frameType.settings) return payloadAt;
  return payloadAt + Math.min(bytes.readUIntBE(prefaceBytes, 3), mostSettingsBytes);
}

/** What a client lets be sent, as far as it has said so in its first frame. */
export function firstSettings(bytes: Buffer): SendWindows {
  const windows = new SendWindows();
  const isSettings = bytes[prefaceBytes + 3] === frameType.settings;
  if (isSettings) windows.apply(bytes.subarray(prefaceBytes + frameHeaderBytes, firstFrameEnd(bytes)));
  return windows;
}
