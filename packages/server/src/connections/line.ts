import type { ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { createContextKey } from "@connectrpc/connect";
import { cutSession } from "./cut-session.js";

/** Milliseconds that a reset may take to leave. */
const resetMs = 1000;

/** The way of one answer to its reader, as something that can be let go. */
export interface Line {
  /** Ends it here and now, whatever its reader does, and frees what waits in it. */
  hangUp(): void;
  /** Calls back when it has ended, by whoever; at once where it has. */
  onClose(callback: () => void): void;
}

/** Where the line travels: from the request to what watches its reader. */
export const lineKey = createContextKey<Line | undefined>(undefined, { description: "line of the answer" });

/** The line of an answer in HTTP/2, which has a stream of its own. */
export function lineOfStream(stream: ServerHttp2Stream): Line {
  return {
    hangUp: () => reset(stream),
    onClose: (callback) => void (stream.destroyed ? callback() : stream.once("close", callback)),
  };
}

/** The line of an answer in HTTP/1.1, which has the connection for itself. */
export function lineOfResponse(response: ServerResponse): Line {
  return {
    hangUp: () => void response.socket?.destroy(),
    onClose: (callback) => void (response.closed ? callback() : response.once("close", callback)),
  };
}

/**
 * Resets a stream. A reset waits behind what the connection is writing; where it does not leave, the peer takes nothing at
 * all, and the connection is of no use to any other stream either.
 *
 * One that both sides have ended needs none, and would send none: it is there only since nobody has read all of its request.
 */
function reset(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return;
  if (stream.closed) {
    stream.destroy();
    return;
  }
  const { session } = stream;
  const timer = setTimeout(() => {
    if (session)
      cutSession(session, new Error("the peer takes nothing"), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }, resetMs);
  stream.once("close", () => clearTimeout(timer));
  stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
}
