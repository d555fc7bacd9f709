import type { ExitCode } from "../exit-codes.js";
import { listenForInterruption } from "../io/interruption.js";
import type { ConnectionOptions } from "../options/connection-options.js";
import { explainFailure } from "./explain-failure.js";
import { type OpenedClient, openClient } from "./open-client.js";

const defaultTimeoutMs = 30_000;

/** A server's answer; or the exit code where there is none, and stderr has been told why. */
export type Asked<Answer> = { readonly answer: Answer } | { readonly exitCode: ExitCode };

/** Asks a server one thing that it answers at once, so it waits 30 s where nothing else is said. Throws UsageError. */
export async function askServer<Answer>(
  options: ConnectionOptions,
  ask: (opened: OpenedClient, signal: AbortSignal) => Promise<Answer>,
): Promise<Asked<Answer>> {
  const opened = await openClient({ ...options, timeout: options.timeout ?? defaultTimeoutMs });
  await using _ = opened.client;
  using interruption = listenForInterruption();
  try {
    return { answer: await ask(opened, interruption.signal) };
  } catch (error) {
    if (interruption.code !== undefined) return { exitCode: interruption.code };
    const failure = explainFailure(error);
    process.stderr.write(`stenogrpc: ${failure.text}\n`);
    return { exitCode: failure.exitCode };
  }
}
