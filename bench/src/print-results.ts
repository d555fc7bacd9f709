import { cpus } from "node:os";

/** What a suite has measured. */
export interface Results {
  readonly suite: string;
  /** What was measured, in words, for the line above the table. */
  readonly what: string;
  /** How many runs the medians are of. */
  readonly runs: number;
  /** Sizes of what was measured, for the JSON. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly rows: readonly object[];
}

/** Prints a suite's results as a table, or as JSON, with what the machine is. */
export function printResults({ suite, what, runs, sizes, rows }: Results, json: boolean): void {
  const [first] = cpus();
  if (json) {
    console.log(JSON.stringify({ suite, ...sizes, runs, cpu: first?.model, node: process.version, rows }));
    return;
  }
  console.log(`${suite}: ${what}, medians of ${runs}, Node ${process.version}, ${cpus().length} cores`);
  console.table(rows);
}
