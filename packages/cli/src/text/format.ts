const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes for people: "24 B", "1.5 MiB". */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would print as "1024.0".
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds for people, exact: "1d", "1h30m", "90.5s" as "1m30.5s". parseDuration reads the whole ones back. */
export function formatDuration(durationMs: number): string {
  const parts: string[] = [];
  let restMs = durationMs;
  for (const [letter, unitMs] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
  ] as const) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) parts.push(`${count}${letter}`);
    restMs -= count * unitMs;
  }
  if (restMs > 0 || parts.length === 0) parts.push(`${restMs / 1000}s`);
  return parts.join("");
}

/** A count for people: "1,234,567". */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** A count with its noun: "1 packet", "2 packets". */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
