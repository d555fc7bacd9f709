/** A frame under construction: big-endian fields, one after another, into memory that is used again for the next. */
export class FrameBuffer {
  readonly bytes = Buffer.alloc(128 * 1024);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  uint8(value: number): void {
    this.bytes[this.length++] = value;
  }

  uint16(value: number): void {
    this.bytes[this.length++] = value >>> 8;
    this.bytes[this.length++] = value;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  append(data: Uint8Array, start = 0, end = data.length): void {
    for (let i = start; i < end && end - start <= 16; i++) this.bytes[this.length++] = data[i] ?? 0;
    if (end - start <= 16) return;
    this.bytes.set(data.subarray(start, end), this.length);
    this.length += end - start;
  }

  zeros(count: number): void {
    this.bytes.fill(0, this.length, this.length + count);
    this.length += count;
  }

  putUint16(at: number, value: number): void {
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }
}
