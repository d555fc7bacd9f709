import { createClient, type Transport } from "@connectrpc/connect";
import { strictOptions } from "@stenogrpc/options";
import { Stenographer } from "@stenogrpc/protocol";
import type { z } from "zod";
import { checkOptions } from "./check-options.js";
import { canceled, type ExplainFailure, errorFromRpc } from "./error-from-rpc.js";
import { type FetchPcapOptions, planFetch } from "./fetch-options.js";
import { onAbort } from "./on-abort.js";
import { abortSignal, timeoutMs } from "./option-schemas.js";
import type { PcapFetch } from "./pcap-fetch.js";
import { originalRequestMessage, requestMessage } from "./request-message.js";
import { Retrieval } from "./retrieval.js";
import { type SensorDescription, sensorDescription } from "./sensor-description.js";
import type { IncrementalHash } from "./sha256.js";
import type { StenographerError } from "./stenographer-error.js";

const describeSensorSchema = strictOptions({
  /** Cancels the call when it aborts. */
  signal: abortSignal.optional(),
  /** The longest the call may take, in milliseconds. Default: the client's `timeoutMs`, else none. */
  timeoutMs: timeoutMs.optional(),
});

export type DescribeSensorOptions = z.input<typeof describeSensorSchema>;

/** Asks one server for packets. */
export interface StenographerClient<Fetch extends PcapFetch = PcapFetch> extends AsyncDisposable {
  /**
   * Prepares the retrieval of the packets in a time window that match a filter. Nothing is sent before it is read.
   *
   * @throws StenographerError `OPTIONS_INVALID`, `TIME_INVALID` or `WINDOW_INVALID`
   */
  fetchPcap(options: FetchPcapOptions): Fetch;
  /** Asks the sensor what it is, what its limits are, and which time its packets cover. Rejects with StenographerError. */
  describeSensor(options?: DescribeSensorOptions): Promise<SensorDescription>;
  /** Cancels what runs and closes the connections. The client is of no use after it; calling it again does nothing. */
  close(): Promise<void>;
}

/** What makes a client. */
export interface ClientParts<Fetch extends PcapFetch> {
  readonly transport: Transport;
  readonly originalServer: boolean;
  readonly timeoutMs: number | undefined;
  readonly createHash: () => IncrementalHash;
  readonly createFetch: (retrieval: Retrieval) => Fetch;
  readonly explain?: ExplainFailure;
  readonly closeTransport?: () => Promise<void>;
}

export function assembleClient<Fetch extends PcapFetch>(
  parts: ClientParts<Fetch>,
): StenographerClient<Fetch> {
  const rpc = createClient(Stenographer, parts.transport);
  const running = new Set<(error: StenographerError) => void>();
  let closing: Promise<void> | undefined;

  /** Throws once the client is closed. */
  function onClientClose(cancel: (error: StenographerError) => void): () => void {
    if (closing) throw canceled("the client is closed; create another", undefined);
    running.add(cancel);
    return () => running.delete(cancel);
  }

  function fetchPcap(options: FetchPcapOptions): Fetch {
    const { createHash, explain, originalServer } = parts;
    const plan = planFetch(options, { timeoutMs: parts.timeoutMs });
    const request = originalServer ? originalRequestMessage(plan) : requestMessage(plan);
    const call = (signal: AbortSignal) => rpc.fetchPcap(request, { signal, timeoutMs: plan.timeoutMs });
    const retrieval = new Retrieval({ plan, originalServer, createHash, explain, call, onClientClose });
    return parts.createFetch(retrieval);
  }

  async function describeSensor(options: DescribeSensorOptions = {}): Promise<SensorDescription> {
    const { signal, timeoutMs = parts.timeoutMs } = checkOptions(
      "describeSensor",
      describeSensorSchema,
      options,
    );
    const controller = new AbortController();
    let stopped: StenographerError | undefined;
    const cancel = (error: StenographerError) => {
      stopped = error;
      controller.abort();
    };
    const cancelBySignal = () =>
      cancel(canceled("the caller's signal aborted the call", undefined, signal?.reason));
    const forget = onClientClose(cancel);
    const unlink = signal && onAbort(signal, cancelBySignal);
    if (signal?.aborted) cancelBySignal();
    try {
      const response = await rpc.describeSensor({}, { signal: controller.signal, timeoutMs });
      return sensorDescription(response);
    } catch (error) {
      throw stopped ?? (await errorFromRpc(error, { answered: false, timeoutMs, explain: parts.explain }));
    } finally {
      forget();
      unlink?.();
    }
  }

  function close(): Promise<void> {
    closing ??= closeAll();
    return closing;
  }

  async function closeAll(): Promise<void> {
    for (const cancel of [...running]) cancel(canceled("the client was closed", undefined));
    await parts.closeTransport?.();
  }

  return { fetchPcap, describeSensor, close, [Symbol.asyncDispose]: close };
}
