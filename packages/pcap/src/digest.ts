import { derive } from "./derive.js";

/** Anything that takes bytes one piece after another; a `node:crypto` Hash is one. */
export interface ByteHash {
  update(bytes: Uint8Array): unknown;
}

/** Passes every chunk, after `hash` has seen it. */
export function digest(hash: ByteHash): (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> {
  return (chunks) =>
    derive(chunks, async function* (upstream) {
      for await (const chunk of upstream) {
        hash.update(chunk);
        yield chunk;
      }
    });
}
