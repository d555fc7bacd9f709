import {
  type AnyFilterNode,
  compileFilter,
  FilterMeaningError,
  FilterSyntaxError,
  maxFilterLength,
  parseFilter,
  printFilter,
  resolveTimes,
} from "@stenogrpc/query";
import type { FuzzText } from "./filter-texts.js";

/** What became of a text. */
export interface Verdict {
  readonly isAccepted: boolean;
  /** How long reading it took. */
  readonly parseMs: number;
}

/** A tagged frame with a later header cut off, so that loads meet the end. */
const frame = Uint8Array.from({ length: 70 }, (_, i) => (i === 12 ? 8 : i === 13 ? 0 : i === 14 ? 0x45 : i));
const linkTypes = [1, 101, 113, 276, 0];

/**
 * Reads the text, and goes the whole way with what it means: print, read again, compile, match.
 *
 * @throws Error for whatever the contract of those functions does not allow
 */
export function checkFilter({ text, dialect }: FuzzText): Verdict {
  const started = performance.now();
  let filter: AnyFilterNode;
  try {
    filter = parseFilter(text, { dialect });
  } catch (problem) {
    const parseMs = performance.now() - started;
    if (!(problem instanceof FilterSyntaxError)) throw problem;
    checkProblem(problem, text);
    return { isAccepted: false, parseMs };
  }
  const parseMs = performance.now() - started;
  if (text.length > maxFilterLength) throw new Error(`took a text of ${text.length} characters`);
  const printed = printFilter(filter);
  if (printed.length > maxFilterLength) throw new Error(`printed ${printed.length} characters`);
  const again = parseFilter(printed, { dialect });
  if (!isSame(filter, again)) throw new Error(`printed what is read as something else: ${clip(printed)}`);
  if (printFilter(again) !== printed) throw new Error(`printed two ways: ${clip(printed)}`);
  for (const linkType of linkTypes) checkMatcher(filter, linkType);
  return { isAccepted: true, parseMs };
}

function checkProblem(problem: FilterSyntaxError, text: string): void {
  const { offset, message } = problem;
  if (!(offset >= 0 && offset <= text.length)) throw new Error(`points at ${offset}`);
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(message))
    throw new Error(`control characters in ${JSON.stringify(message)}`);
  if (message.length > 500) throw new Error(`a message of ${message.length} characters`);
  if (problem.render().split("\n").length !== 2) throw new Error("does not render as two lines");
}

function checkMatcher(filter: AnyFilterNode, linkType: number): void {
  try {
    const timed = resolveTimes(filter, 1_700_000_000_000_000_000n);
    const matches = compileFilter(timed, { linkType });
    for (const length of [0, 13, 40, frame.length]) matches(frame, 0, length, frame.length, 1_700_000_000, 0);
  } catch (problem) {
    if (!(problem instanceof FilterMeaningError)) throw problem;
  }
}

/** Whether two trees are equal; a property that is undefined is the same as none. Without the call stack. */
function isSame(left: unknown, right: unknown): boolean {
  const pending: [unknown, unknown][] = [[left, right]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [a, b] = pair;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
      if (a !== b) return false;
      continue;
    }
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      pending.push([Reflect.get(a, key), Reflect.get(b, key)]);
  }
  return true;
}

/** As much of a text as fits in a report. */
export function clip(text: string): string {
  return text.length > 120
    ? `${JSON.stringify(text.slice(0, 120))}... (${text.length})`
    : JSON.stringify(text);
}
