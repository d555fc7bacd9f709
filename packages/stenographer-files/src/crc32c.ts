/** Reversed Castagnoli polynomial, RFC 3720, section 12.1. */
const polynomial = 0x82f63b78;

/** Eight tables, so that eight bytes go at a time ("slicing by 8", Kounavis and Berry 2005). */
const tables = makeTables();

/** CRC-32C of one piece after another: pass the last result as `previous`. */
export function crc32c(bytes: Uint8Array, previous = 0, start = 0, end = bytes.length): number {
  let crc = ~previous;
  let i = start;
  // Every index below is a byte, so the reads are in range of their 256 entries.
  const t = tables;
  for (const last = end - 8; i <= last; i += 8) {
    const low =
      crc ^
      ((bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24));
    crc =
      (t[0x700 + (low & 255)] as number) ^
      (t[0x600 + ((low >>> 8) & 255)] as number) ^
      (t[0x500 + ((low >>> 16) & 255)] as number) ^
      (t[0x400 + (low >>> 24)] as number) ^
      (t[0x300 + (bytes[i + 4] as number)] as number) ^
      (t[0x200 + (bytes[i + 5] as number)] as number) ^
      (t[0x100 + (bytes[i + 6] as number)] as number) ^
      (t[bytes[i + 7] as number] as number);
  }
  for (; i < end; i++) crc = (t[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** leveldb stores checksums rotated and shifted, since data that contains its own checksum is hard on a CRC. */
export function maskedCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    made[byte] = value;
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256] as number; // i >= 256
    made[i] = (made[before & 255] as number) ^ (before >>> 8);
  }
  return made;
}
