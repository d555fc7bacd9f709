import { CommanderError } from "commander";
import { exitCode } from "./exit-codes.js";
import { OutputError, writeOut } from "./io/stdout.js";
import { createProgram } from "./program.js";
import { UsageError } from "./usage-error.js";

/** Runs the command line and tells the exit code. Writes what is wrong to stderr. */
export async function run(argv: readonly string[]): Promise<number> {
  let help = "";
  const program = createProgram((text) => {
    help += text;
  });
  try {
    const code = await parse(() => program.parseAsync(argv));
    if (help !== "") await writeOut(help);
    return code;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${prefixed(error.message)}\n`);
      return exitCode.usage;
    }
    if (error instanceof OutputError) {
      // A reader that has seen enough, such as head, need not be told.
      if (error.kind === "unwritable") process.stderr.write(`${prefixed(error.message)}\n`);
      return exitCode.failed;
    }
    // Whatever else comes here is ours: show where from.
    process.stderr.write(
      `${prefixed(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`,
    );
    return exitCode.failed;
  }
}

async function parse(command: () => Promise<unknown>): Promise<number> {
  try {
    await command();
    // Commands set it where they did not simply succeed.
    return Number(process.exitCode ?? exitCode.complete);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // commander has written its message; 0 is --help and --version.
    return error.exitCode === 0 ? exitCode.complete : exitCode.usage;
  }
}

function prefixed(message: string): string {
  return `stenogrpc: ${message}`;
}
