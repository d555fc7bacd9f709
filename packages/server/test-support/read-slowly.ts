/** Reads a stream to its end, and rests for 150 ms each time that so many bytes have come. Gives how many there were. */
export async function readSlowly(stream: AsyncIterable<Uint8Array>, restAfterBytes: number): Promise<number> {
  let bytes = 0;
  let rested = 0;
  for await (const { length } of stream) {
    bytes += length;
    if (bytes - rested < restAfterBytes) continue;
    rested = bytes;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return bytes;
}
