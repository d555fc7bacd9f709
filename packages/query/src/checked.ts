/**
 * The number, if it is a whole one from 0 to `most`.
 *
 * @throws RangeError otherwise
 */
export function checked(what: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`${what} ${String(value)} is out of range: it takes a whole number, 0 to ${most}`);
  }
  return value;
}
