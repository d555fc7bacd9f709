import type { TLSSocket } from "node:tls";

/** Milliseconds between two looks; each is a system call. */
const lookEveryMs = 500;

/**
 * Closes a connection that its peer has reset, where Node does not: when a reset meets a write under way, Node 20 is never told, and
 * what the connection's calls hold (places, files, processes) would stay until a PING is not answered.
 *
 * The kernel knows: a socket whose connection is over has no peer (getpeername(2), ENOTCONN).
 */
export function noticeReset(socket: TLSSocket): void {
  const timer = setInterval(() => {
    if (isOver(socket)) socket.destroy();
  }, lookEveryMs);
  timer.unref();
  socket.once("close", () => clearInterval(timer));
}

/** False, too, where Node does not let us ask. */
function isOver(socket: TLSSocket): boolean {
  // Not by remoteAddress, which Node remembers. This is not documented, and has been in every Node so far.
  const { _handle: handle } = socket as { _handle?: { getpeername?(out: object): number } | null };
  return (handle?.getpeername?.({}) ?? 0) !== 0;
}
