/**
 * Whether text is PEM, as RFC 7468 has it, rather than the path of a file that holds it: it has "-----BEGIN " somewhere, since text may
 * stand in front of that, or a line break, which no path has. What such text lacks of PEM is for its reader to say. It may be a key all the
 * same, so it must not be opened, nor shown.
 */
export function isPemText(text: string): boolean {
  return /-----BEGIN |[\r\n]/.test(text);
}
