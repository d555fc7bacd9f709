import { type Command, CommanderError } from "commander";
import { exitCode } from "./exit-codes.js";
import { UsageError } from "./usage-error.js";

/** Runs the command line and tells the exit code. Writes what is wrong to stderr. */
export async function run(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(argv);
    // Commands set it where they did not simply succeed.
    return Number(process.exitCode ?? exitCode.complete);
  } catch (error) {
    if (error instanceof CommanderError) {
      // commander has written its message; 0 is --help and --version.
      return error.exitCode === 0 ? exitCode.complete : exitCode.usage;
    }
    if (error instanceof UsageError) {
      process.stderr.write(`${prefixed(error.message)}\n`);
      return exitCode.usage;
    }
    // Whatever else comes here is ours: show where from.
    process.stderr.write(
      `${prefixed(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`,
    );
    return exitCode.failed;
  }
}

function prefixed(message: string): string {
  return `stenogrpc: ${message}`;
}
