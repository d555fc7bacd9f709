import { decodeCapture } from "@stenogrpc/pcap";
import type { PacketSource } from "../sources/packet-source.js";

/** A source that serves one capture from memory: pcap or pcapng bytes. For tests. */
export function memorySource(capture: Uint8Array): PacketSource {
  return {
    kind: "memory",
    open: async () => ({ ...(await decodeCapture(inPieces(capture))), warnings: [] }),
    describe: async () => ({}),
  };
}

/** In pieces that end anywhere, as they come from a disk or a socket. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const pieceBytes = 65_521;
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
