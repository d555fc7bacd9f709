import { exitCode } from "../exit-codes.js";

/** Ctrl-C, SIGTERM and SIGHUP (the terminal or the ssh session is gone) as an abort signal, with the exit code they ask for. */
interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** 129, 130 or 143 once interrupted. */
  readonly code: InterruptedCode | undefined;
}

const codeBySignal = {
  SIGHUP: exitCode.hungUp,
  SIGINT: exitCode.interrupted,
  SIGTERM: exitCode.terminated,
} as const;

type InterruptingSignal = keyof typeof codeBySignal;
type InterruptedCode = (typeof codeBySignal)[InterruptingSignal];

/**
 * Listens for the signals until disposed. The first aborts; Ctrl-C or SIGTERM as a second ends the process at once. SIGHUP does
 * not: a session that ends sends it twice, by the kernel and by the shell.
 */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let code: InterruptedCode | undefined;
  const interrupt = (signal: InterruptingSignal): void => {
    const asked = codeBySignal[signal];
    if (code === undefined) {
      code = asked;
      controller.abort(new Error(`interrupted by ${signal}`));
    } else if (signal !== "SIGHUP") process.exit(asked);
  };
  process.on("SIGHUP", interrupt).on("SIGINT", interrupt).on("SIGTERM", interrupt);
  return {
    signal: controller.signal,
    get code() {
      return code;
    },
    [Symbol.dispose]: () =>
      void process.off("SIGHUP", interrupt).off("SIGINT", interrupt).off("SIGTERM", interrupt),
  };
}
