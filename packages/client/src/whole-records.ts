/**
 * Cuts bytes that come in any pieces between records. Only a record that straddles pieces is copied; all else stays where
 * it lies. Nothing refers to a piece once what was made of it is done with.
 */
export class WholeRecords {
  /** Pieces of a record whose end has not come. */
  #begun: Uint8Array[] = [];

  /**
   * Takes the next bytes, and gives what is whole by them.
   *
   * @param firstEnd bytes up to the first end of a record, undefined where there is none
   * @param lastEnd bytes up to the last one
   */
  take(bytes: Uint8Array, firstEnd: number | undefined, lastEnd: number): readonly Uint8Array[] {
    if (firstEnd === undefined) {
      if (bytes.length > 0) this.#begun.push(bytes.slice());
      return [];
    }
    const straddling = this.#begun.length > 0;
    const whole: Uint8Array[] = [];
    if (straddling) whole.push(joined([...this.#begun, bytes.subarray(0, firstEnd)]));
    const from = straddling ? firstEnd : 0;
    if (lastEnd > from) whole.push(bytes.subarray(from, lastEnd));
    this.#begun = lastEnd < bytes.length ? [bytes.slice(lastEnd)] : [];
    return whole;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
