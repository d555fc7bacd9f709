import { isatty } from "node:tty";
import { exitCode } from "./exit-codes.js";
import { surviveClosedOutput } from "./io/stdout.js";
import { run } from "./run.js";

const terminals = [0, 1, 2].filter((fd) => isatty(fd));
surviveClosedOutput();
process.exitCode = await run(process.argv);
// Node aborts, with a core dump, when it ends without the terminal it began with (node::ResetStdio). The signal does not.
const isTerminalGone = terminals.some((fd) => !isatty(fd));
if (process.exitCode === exitCode.hungUp && isTerminalGone) process.kill(process.pid, "SIGHUP");
