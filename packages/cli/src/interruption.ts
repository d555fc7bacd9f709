import { exitCode } from "./exit-codes.js";

/** Ctrl-C and SIGTERM as an abort signal, with the exit code they ask for. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** 130 or 143 once interrupted. */
  readonly code: number | undefined;
}

/** Listens for Ctrl-C and SIGTERM until disposed. The first aborts the signal; the second ends the process at once. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let code: number | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    const asked = signal === "SIGINT" ? exitCode.interrupted : exitCode.terminated;
    if (code !== undefined) process.exit(asked);
    code = asked;
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  return {
    signal: controller.signal,
    get code() {
      return code;
    },
    [Symbol.dispose]: () => void process.off("SIGINT", interrupt).off("SIGTERM", interrupt),
  };
}
