/** Bytes from hexadecimal fields, one string a field: `bytes("08 00", "45")`. */
export function bytes(...fields: readonly string[]): Uint8Array {
  const digits = fields.join("").replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-f]/.test(digits)) throw new Error(`not whole bytes: ${fields}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
