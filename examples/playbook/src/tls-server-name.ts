/**
 * The name that a TLS ClientHello asks for (RFC 8446, section 4.1.2; RFC 6066, section 3). Undefined where the payload is
 * none, or where its name lies in a later segment.
 */
export function tlsServerName(payload: Uint8Array): string | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  try {
    const isHandshake = view.getUint8(0) === 22;
    const isClientHello = view.getUint8(5) === 1;
    if (!isHandshake || !isClientHello) return undefined;
    // Record header 5, handshake header 4, version 2, random 32; then three vectors, each behind its length.
    let at = 43;
    at += 1 + view.getUint8(at); // session id
    at += 2 + view.getUint16(at); // cipher suites
    at += 1 + view.getUint8(at); // compression methods
    const end = at + 2 + view.getUint16(at);
    at += 2;
    while (at < end) {
      const type = view.getUint16(at);
      const length = view.getUint16(at + 2);
      // server_name: list length 2, name type 1, name length 2, name
      if (type === 0)
        return new TextDecoder().decode(payload.subarray(at + 9, at + 9 + view.getUint16(at + 7)));
      at += 4 + length;
    }
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // no ClientHello, or a cut one
    throw error;
  }
}
