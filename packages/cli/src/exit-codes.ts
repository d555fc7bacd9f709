/** What the exit codes of every command mean. Scripts branch on them, so they never change. */
export const exitCode = {
  /** Done, and complete. */
  complete: 0,
  /** Failed: what is on disk is not an answer. */
  failed: 1,
  /** Bad usage: an option, a file of settings, a filter. Asking again the same way cannot help. */
  usage: 2,
  /** Complete, and no packet matched. */
  noPackets: 3,
  /** A limit stopped it: there were more packets. */
  truncated: 4,
  /** Damage on the sensor cost packets that may have matched; what could be read is there. */
  incomplete: 5,
  /** Ended by SIGHUP (128 + SIGHUP), the end of a terminal or ssh session, after cleaning up. */
  hungUp: 129,
  /** Ended by Ctrl-C (128 + SIGINT), after cleaning up. */
  interrupted: 130,
  /** Ended by SIGTERM (128 + SIGTERM), after cleaning up. */
  terminated: 143,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
