const blockBytes = 131_072;

/** Bytes that came and were not read yet, in memory of their own. */
export class ArrivedBytes {
  readonly #full: Uint8Array[] = [];
  #block = new Uint8Array(0);
  /** What of the block was read, and how far it is filled. */
  #from = 0;
  #to = 0;
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of these. */
  append(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#to === this.#block.length) this.#startBlock();
      const fitting = rest.subarray(0, this.#block.length - this.#to);
      this.#block.set(fitting, this.#to);
      this.#to += fitting.length;
      rest = rest.subarray(fitting.length);
    }
  }

  /** The next of them, as many as lie together; undefined where there are none. They belong to the caller from then on. */
  take(): Uint8Array | undefined {
    const taken = this.#full.shift() ?? this.#takeBegun();
    this.#length -= taken?.length ?? 0;
    return taken;
  }

  clear(): void {
    this.#full.length = 0;
    this.#from = this.#to;
    this.#length = 0;
  }

  #startBlock(): void {
    const begun = this.#takeBegun();
    if (begun) this.#full.push(begun);
    this.#block = new Uint8Array(Buffer.allocUnsafeSlow(blockBytes).buffer);
    this.#from = 0;
    this.#to = 0;
  }

  #takeBegun(): Uint8Array | undefined {
    if (this.#from === this.#to) return undefined;
    const begun = this.#block.subarray(this.#from, this.#to);
    this.#from = this.#to;
    return begun;
  }
}
