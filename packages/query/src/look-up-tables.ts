/** What `lookUp` gives for a number that a table has not. */
export const absent = -2147483648;

/**
 * Tables from one number to another, all in one array: hashed with open addressing, at most half full.
 *
 * A table is the bits of its size, then pairs of a number and what it leads to.
 */
export class LookUpTables {
  private readonly numbers: number[] = [];

  /** Adds a table; what is given is where it begins. */
  add(entries: readonly (readonly [from: number, to: number])[]): number {
    const start = this.numbers.length;
    const bits = Math.max(1, 33 - Math.clz32(entries.length - 1));
    const pairs = new Array<number>(2 << bits).fill(absent);
    for (const [from, to] of entries) {
      let slot = slotOf(from, bits);
      while (pairs[2 * slot + 1] !== absent) slot = (slot + 1) & ((1 << bits) - 1);
      pairs[2 * slot] = from;
      pairs[2 * slot + 1] = to;
    }
    this.numbers.push(bits);
    for (const number of pairs) this.numbers.push(number);
    return start;
  }

  encoded(): Int32Array {
    return Int32Array.from(this.numbers);
  }
}

/** What a number leads to in the table that begins there, or `absent`. */
export function lookUp(tables: Int32Array, table: number, from: number): number {
  // The casts: slots are within the table, which has empty ones.
  const bits = tables[table] as number;
  const mask = (1 << bits) - 1;
  for (let slot = slotOf(from, bits); ; slot = (slot + 1) & mask) {
    const at = table + 1 + 2 * slot;
    const to = tables[at + 1] as number;
    if (to === absent || tables[at] === from) return to;
  }
}

/** Fibonacci hashing: the high bits of the product depend on all bits of the number. */
function slotOf(from: number, bits: number): number {
  return Math.imul(from, 0x9e3779b1) >>> (32 - bits);
}
