import { run } from "./run.js";
import { surviveClosedOutput } from "./stdout.js";

surviveClosedOutput();
process.exitCode = await run(process.argv);
