const levels: Readonly<Record<number, string>> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARN",
  50: "ERROR",
  60: "FATAL",
};

/** One of pino's JSON lines for a person: time, level, message, then what else it says. */
export function prettyLogLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  const { time, level, msg, pid: _pid, hostname: _hostname, ...rest } = entry;
  const clock = typeof time === "number" ? new Date(time).toISOString().slice(11, 23) : "";
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${plain(value)}`);
  return `${[clock, levels[Number(level)]?.padEnd(5) ?? String(level), msg ?? "", ...fields].filter(Boolean).join(" ")}\n`;
}

/** A word as it is, anything else as JSON, which also keeps control characters off the terminal. */
function plain(value: unknown): string {
  return typeof value === "string" && /^[\w.:/@[\]+-]+$/.test(value) ? value : JSON.stringify(value);
}
