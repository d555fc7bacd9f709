import { counted, formatSize } from "../text/format.js";

/** Shows how a retrieval goes on. */
export interface Progress {
  /** Call as often as you like; what is shown is paced. */
  update(state: { packets?: number; bytes: number }): void;
  /** Removes what stands on the line. */
  end(): void;
}

/** Where progress is written: process.stderr, or a stand-in. */
interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const redrawMs = 100;
const plainMs = 5000;
const clearLine = "\r\u001b[2K"; // ECMA-48: EL 2

/** Progress on a terminal is one line drawn again; anywhere else, a plain line every five seconds. */
export function createProgress(
  stream: ProgressStream,
  options: { quiet?: boolean; nowMs?: () => number } = {},
): Progress {
  if (options.quiet) return { update: () => {}, end: () => {} };
  const nowMs = options.nowMs ?? (() => performance.now());
  const startedMs = nowMs();
  const paceMs = stream.isTTY ? redrawMs : plainMs;
  let shownMs = stream.isTTY ? Number.NEGATIVE_INFINITY : startedMs;
  let drawn = false;
  return {
    update({ packets, bytes }) {
      const now = nowMs();
      if (now - shownMs < paceMs) return;
      shownMs = now;
      const seconds = Math.max((now - startedMs) / 1000, 0.001);
      const count = packets === undefined ? "" : `${counted(packets, "packet")}, `;
      const text = `${count}${formatSize(bytes)}, ${formatSize(Math.round(bytes / seconds))}/s`;
      if (!stream.isTTY) return void stream.write(`${text}\n`);
      drawn = true;
      // Cut to the width: a line that wraps cannot be drawn again. A terminal that no one told its size says 0.
      stream.write(clearLine + text.slice(0, Math.max((stream.columns || 80) - 1, 1)));
    },
    end() {
      if (drawn) stream.write(clearLine);
      drawn = false;
    },
  };
}
