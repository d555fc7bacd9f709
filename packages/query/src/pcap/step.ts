import type { Comparison } from "./condition.js";

/** Ends of a program, where an index of a step could be. */
export const accept = -1;
export const reject = -2;

/** Bytes to load: 0, 1, 2 are 1, 2, 4 bytes; 3, 4, 5 the same behind an IPv4 header. */
export type LoadOp = 0 | 1 | 2 | 3 | 4 | 5;

/** One test of a program, and the steps to go on with: indexes lower than its own, `accept` or `reject`. */
export interface Step {
  readonly op: LoadOp;
  readonly offset: number;
  /** Where the IPv4 header is that `op` looks behind. */
  readonly header: number;
  /** Register that is added to both; -1 for none. */
  readonly register: number;
  /** Signed, as `value` is. */
  readonly mask: number;
  readonly comparison: Comparison;
  readonly value: number;
  /** Number of the function that makes the test, one for one answer; undefined: what is loaded is compared. */
  readonly call: number | undefined;
  readonly whenTrue: number;
  readonly whenFalse: number;
}

/** Whether a loaded and masked value passes, both numbers taken as unsigned. */
export function compare(loaded: number, comparison: Comparison, value: number): boolean {
  switch (comparison) {
    case "eq":
      return loaded === value;
    case "gt":
      return loaded >>> 0 > value >>> 0;
    case "ge":
      return loaded >>> 0 >= value >>> 0;
    case "set":
      return (loaded & value) !== 0;
  }
}
