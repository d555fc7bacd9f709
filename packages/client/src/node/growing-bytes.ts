/** Bytes that come one after the other, in memory that is used again. */
export class GrowingBytes {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has come. Good until the next change. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  appendByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** Forgets all behind the first `length` bytes. */
  cutTo(length: number): void {
    this.#length = length;
  }

  equals(other: GrowingBytes): boolean {
    return this.#length === other.#length && this.isAt(other.#bytes, 0);
  }

  /** Whether `bytes` has the same from `at` on. */
  isAt(bytes: Uint8Array, at: number): boolean {
    for (let i = 0; i < this.#length; i++) if (this.#bytes[i] !== bytes[at + i]) return false;
    return true;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.view);
    this.#bytes = larger;
  }
}
