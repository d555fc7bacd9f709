/** One ASN.1 value in DER: its tag, its contents, and where it lies (X.690 section 8.1). */
export interface DerValue {
  readonly tag: number;
  /** The value with tag and length, as it can be compared byte by byte. */
  readonly whole: Uint8Array;
  readonly contents: Uint8Array;
}

export const derTag = { integer: 0x02, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30 } as const;

/** The values that lie one after the other in `bytes`. Throws RangeError where a length leads out of them. */
export function* derValues(bytes: Uint8Array): Generator<DerValue> {
  for (let at = 0; at < bytes.length; ) {
    const value = derValue(bytes, at);
    yield value;
    at += value.whole.length;
  }
}

function derValue(bytes: Uint8Array, start: number): DerValue {
  const tag = byteAt(bytes, start);
  const first = byteAt(bytes, start + 1);
  let from = start + 2;
  let length = first;
  if (first >= 0x80) {
    const lengthBytes = first & 0x7f;
    if (lengthBytes === 0 || lengthBytes > 4) throw new RangeError("no length that DER has");
    length = 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + byteAt(bytes, from++);
  }
  if (from + length > bytes.length) throw new RangeError("a value ends behind the end");
  return {
    tag,
    whole: bytes.subarray(start, from + length),
    contents: bytes.subarray(from, from + length),
  };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError("a value ends behind the end");
  return byte;
}
