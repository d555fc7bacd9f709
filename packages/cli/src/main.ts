import { createProgram } from "./program.js";
import { run } from "./run.js";
import { surviveClosedOutput } from "./stdout.js";

surviveClosedOutput();
process.exitCode = await run(createProgram(), process.argv);
