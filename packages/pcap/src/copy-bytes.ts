/** Below this, copying byte by byte is cheaper than making the view that `set` wants. */
const smallCopyBytes = 64;

/** Copies `source[start, end)` to `target` at `at`, without allocating for the size of a small packet. */
export function copyBytes(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  if (end - start > smallCopyBytes) {
    target.set(source.subarray(start, end), at);
    return;
  }
  for (let from = start, to = at; from < end; from++, to++) target[to] = source[from] as number; // from < end
}
