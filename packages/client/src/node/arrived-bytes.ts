const leastBlockBytes = 32_768;
const mostBlockBytes = 262_144;

/** Blocks that were given back and wait to be used again: as many as the widest window fills, or a slow reader's would be garbage. */
const mostSpareBlocks = 64;

/**
 * Bytes that came and were not read yet, in memory of their own.
 *
 * In blocks that are large where much comes between two reads, and small where little does: whoever holds a few bytes of a block holds all
 * of it, and there may be many answers at once.
 */
export class ArrivedBytes {
  readonly #full: Uint8Array[] = [];
  readonly #spare: Uint8Array[] = [];
  #block: Uint8Array = new Uint8Array(0);
  /** What of the block was read, and how far it is filled. */
  #from = 0;
  #to = 0;
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of these. */
  append(buffer: Uint8Array, start = 0, end = buffer.length): void {
    this.#length += end - start;
    for (let at = start; at < end; ) {
      // Less, where the reader has transferred the memory of a piece to another thread.
      if (this.#to >= this.#block.length) this.#startBlock();
      const fitting = Math.min(end - at, this.#block.length - this.#to);
      this.#block.set(buffer.subarray(at, at + fitting), this.#to);
      this.#to += fitting;
      at += fitting;
    }
  }

  /**
   * The next of them, as many as lie together; undefined where there are none. They belong to the caller, until it gives them back. Throws
   * where they went with the memory of others, which the caller has transferred.
   */
  take(): Uint8Array | undefined {
    const taken = this.#full.shift() ?? this.#takeBegun();
    if (taken?.length === 0)
      throw new Error(
        "the memory of a piece was transferred, and with it pieces that were not read; transfer a copy: piece.slice()",
      );
    this.#length -= taken?.length ?? 0;
    return taken;
  }

  /** Takes back what `take` gave, each piece in its turn, to fill the memory again. */
  giveBack(piece: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = piece;
    const endsBlock = byteOffset + byteLength === buffer.byteLength;
    if (endsBlock && this.#spare.length < mostSpareBlocks) this.#spare.push(new Uint8Array(buffer));
  }

  clear(): void {
    this.#full.length = 0;
    this.#from = this.#to;
    this.#length = 0;
  }

  #startBlock(): void {
    const unreadBytes = this.#to - this.#from;
    let bytes = this.#to;
    if (unreadBytes === bytes) bytes *= 2;
    else if (unreadBytes <= bytes / 2) bytes /= 2;
    bytes = Math.min(Math.max(bytes, leastBlockBytes), mostBlockBytes);
    const begun = this.#takeBegun();
    if (begun) this.#full.push(begun);
    const spare = this.#spare.pop();
    this.#block =
      spare !== undefined && spare.length >= bytes
        ? spare
        : new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
    this.#from = 0;
    this.#to = 0;
  }

  #takeBegun(): Uint8Array | undefined {
    if (this.#from === this.#to) return undefined;
    const isTransferred = this.#block.length === 0;
    const begun = isTransferred ? this.#block : this.#block.subarray(this.#from, this.#to);
    this.#from = this.#to;
    return begun;
  }
}
