import { vi } from "vitest";
import { run } from "../src/run.js";

/** Runs a command line in this process: the same code without the start of one. */
export async function runHere(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = overhear(process.stdout);
  const stderr = overhear(process.stderr);
  try {
    const code = await run(["node", "stenogrpc", ...args]);
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    stdout.restore();
    stderr.restore();
    process.exitCode = undefined;
  }
}

/** Takes what is written to a stream, as long as it is not restored. */
function overhear(stream: NodeJS.WriteStream) {
  let text = "";
  const spy = vi.spyOn(stream, "write").mockImplementation((piece, ...rest: unknown[]) => {
    text += piece;
    for (const done of rest) if (typeof done === "function") done();
    return true;
  });
  return { text: () => text, restore: () => spy.mockRestore() };
}
