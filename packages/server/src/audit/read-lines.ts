import type { Readable } from "node:stream";
import { maxLineBytes } from "./audit-line.js";

/** A line of a file. */
export interface FileLine {
  /** Its number, from 1. */
  readonly number: number;
  /** Its bytes, without the line feed; undefined where there are more than a line can have. */
  readonly bytes: Buffer | undefined;
  /** Whether a line feed ended it. */
  readonly isWhole: boolean;
}

const lineFeed = 0x0a;

/** The lines of a file, whatever is in it, with no more than one line of the longest kind in memory. */
export async function* readLines(chunks: Readable): AsyncGenerator<FileLine> {
  let pieces: Buffer[] = [];
  let length = 0;
  let number = 1;
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length <= maxLineBytes) pieces.push(piece);
    else pieces = [];
  };
  const take = (isWhole: boolean): FileLine => {
    const bytes = length > maxLineBytes ? undefined : Buffer.concat(pieces);
    pieces = [];
    length = 0;
    return { number: number++, bytes, isWhole };
  };
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      add(chunk.subarray(from, at));
      yield take(true);
      from = at + 1;
    }
    add(chunk.subarray(from));
  }
  if (length > 0) yield take(false);
}
