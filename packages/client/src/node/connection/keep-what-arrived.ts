import { type ClientHttp2Stream, constants } from "node:http2";

/**
 * Lets a stream be read to its end though its connection has gone, if all of it had arrived.
 *
 * When a session ends, Node destroys its streams, and with them what arrived and was not read yet. A server that shuts down
 * sends its answers to their ends and then closes: a slow reader would lose the last of an answer, up to a whole window.
 */
export function keepWhatArrived(stream: ClientHttp2Stream): void {
  const destroy = stream.destroy.bind(stream);
  const iterate = stream[Symbol.asyncIterator].bind(stream);
  let wholeButUnread = false;
  let unread: Uint8Array | null = null;

  stream.destroy = (error) => {
    const whole = stream.closed && stream.rstCode === constants.NGHTTP2_NO_ERROR;
    if (!whole || stream.readableEnded || stream.destroyed) return destroy(error);
    wholeButUnread = true;
    // This is also how it reaches whoever listens to "data".
    unread = stream.read();
    // Without the error: what became of the connection is of no matter to what had arrived before.
    return destroy();
  };

  stream[Symbol.asyncIterator] = async function* readToTheEnd() {
    try {
      yield* iterate();
    } catch (error) {
      if (!wholeButUnread) throw error;
    }
    if (unread !== null) yield unread;
  };
}
