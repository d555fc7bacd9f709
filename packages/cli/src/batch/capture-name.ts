/** Name of a row's file: its number, so that files sort as the rows do, and what can be kept of its filter. */
export function captureName(row: number, rows: number, filter: string): string {
  const slug = filter
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .slice(0, 48)
    .replace(/^[-.]+|[-.]+$/g, "");
  return `${String(row).padStart(Math.max(4, String(rows).length), "0")}-${slug || "all"}.pcap`;
}
