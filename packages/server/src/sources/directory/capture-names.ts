/**
 * capture.pcap, .pcapng and .cap, also compressed and also rotated: tcpdump -C writes x.pcap1 and x.pcap02, logrotate
 * x.pcap.3, x.pcap.3.gz and x.pcap-20240131, tcpdump -G whatever strftime gives.
 */
const usualNames = /\.(pcap|pcapng|cap)([.\-_]?\d[\d.\-_:T]*)?(\.gz)?$/i;

/** Written by programs that rename when they are done, so half a file, or none of ours. */
const unfinishedNames = /\.(partial|tmp)$/i;

/** Whether a file or folder is passed over whatever the pattern: hidden, unfinished, or the file system's own. */
export function isIgnoredName(name: string): boolean {
  // lost+found lies in the root of a file system of its own and is closed to all but root.
  return name.startsWith(".") || name === "lost+found" || unfinishedNames.test(name);
}

/**
 * Which file names may hold captures.
 *
 * @param patterns globs on the file name: `*` is any run of characters, `?` any one; none: the usual names
 */
export function captureNames(patterns: readonly string[] | undefined): (name: string) => boolean {
  if (patterns === undefined) return (name) => usualNames.test(name);
  const expressions = patterns.map(globExpression);
  return (name) => expressions.some((expression) => expression.test(name));
}

function globExpression(pattern: string): RegExp {
  // One `*` for several in a row: nested repeats would make a long name expensive.
  const source = pattern
    .replace(/\*+/g, "*")
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "su");
}
