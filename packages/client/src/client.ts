import { type CallOptions, createClient, type Transport } from "@connectrpc/connect";
import { sameType, strictOptions } from "@stenogrpc/options";
import { Stenographer } from "@stenogrpc/protocol";
import type { z } from "zod";
import { type FetchCall, partsOf } from "./answer-part.js";
import { checkOptions } from "./check-options.js";
import { canceled, canceledBySignal, type ExplainFailure, errorFromRpc } from "./error-from-rpc.js";
import {
  type CallDefaults,
  type ExplainOptions,
  type FetchPcapOptions,
  planExplain,
  planFetch,
} from "./fetch-options.js";
import { onAbort } from "./on-abort.js";
import { abortSignal, timeoutMs } from "./option-schemas.js";
import type { PcapFetch } from "./pcap-fetch.js";
import { type QueryExplanation, queryExplanation } from "./query-explanation.js";
import { explainedRequest, originalRequestMessage, requestMessage } from "./request-message.js";
import { Retrieval } from "./retrieval.js";
import { type SensorDescription, sensorDescription } from "./sensor-description.js";
import type { IncrementalHash } from "./sha256.js";
import type { StenographerError } from "./stenographer-error.js";

/** What ends a call that asks a sensor what it is. Unknown keys are refused. */
export interface DescribeSensorOptions {
  /** Cancels the call when it aborts. Default: none. */
  signal?: AbortSignal | undefined;
  /** The longest the call may take, in milliseconds. Default: the client's `timeoutMs`, else none. */
  timeoutMs?: number | undefined;
}

const describeSensorSchema = strictOptions({
  signal: abortSignal.optional(),
  timeoutMs: timeoutMs.optional(),
});
sameType<DescribeSensorOptions, z.input<typeof describeSensorSchema>>(true);

/** Asks one server for packets. */
export interface StenographerClient<Fetch extends PcapFetch = PcapFetch> extends AsyncDisposable {
  /**
   * Prepares the retrieval of the packets in a time window that match a filter. Nothing is sent before it is read.
   *
   * @throws StenographerError `OPTIONS_INVALID`, `TIME_INVALID` or `WINDOW_INVALID`
   */
  fetchPcap(options: FetchPcapOptions): Fetch;
  /**
   * Asks what a fetch would do, without reading a packet: how the filter was understood, what an index is asked, what is
   * matched packet by packet, and what it may cost. Rejects with StenographerError, for a bad request as the fetch would.
   */
  explain(options: ExplainOptions): Promise<QueryExplanation>;
  /** Asks the sensor what it is, what its limits are, and which time its packets cover. Rejects with StenographerError. */
  describeSensor(options?: DescribeSensorOptions): Promise<SensorDescription>;
  /** Cancels what runs and closes the connections. The client is of no use after it; calling it again does nothing. */
  close(): Promise<void>;
}

/** What makes a client. */
export interface ClientParts<Fetch extends PcapFetch> {
  readonly transport: Transport;
  /** How FetchPcap travels where the transport can be improved on. Default: as messages of the transport. */
  readonly fetchCall?: FetchCall;
  readonly originalServer: boolean;
  readonly timeoutMs: number | undefined;
  readonly retryForMs: number;
  readonly retryOutages: boolean;
  readonly createHash: () => IncrementalHash;
  readonly createFetch: (retrieval: Retrieval) => Fetch;
  readonly explainFailure?: ExplainFailure;
  readonly closeTransport?: () => Promise<void>;
}

export function assembleClient<Fetch extends PcapFetch>(
  parts: ClientParts<Fetch>,
): StenographerClient<Fetch> {
  const rpc = createClient(Stenographer, parts.transport);
  const { explainFailure } = parts;
  const fetchCall: FetchCall =
    parts.fetchCall ?? ((request, options) => partsOf(rpc.fetchPcap(request, options)));
  const { timeoutMs, retryForMs, retryOutages, originalServer } = parts;
  const defaults: CallDefaults = { timeoutMs, retryForMs, retryOutages, originalServer };
  const running = new Set<(error: StenographerError) => void>();
  let closing: Promise<void> | undefined;

  /** Throws once the client is closed. */
  function onClientClose(cancel: (error: StenographerError) => void): () => void {
    if (closing) throw canceled("the client is closed; create another", undefined);
    running.add(cancel);
    return () => running.delete(cancel);
  }

  function fetchPcap(options: FetchPcapOptions): Fetch {
    const { createHash, originalServer } = parts;
    const plan = planFetch(options, defaults);
    const request = originalServer ? originalRequestMessage(plan) : requestMessage(plan);
    const call = (signal: AbortSignal, timeoutMs: number | undefined) =>
      fetchCall(request, { signal, timeoutMs });
    const retrieval = new Retrieval({
      plan,
      originalServer,
      createHash,
      explainFailure,
      call,
      onClientClose,
    });
    return parts.createFetch(retrieval);
  }

  async function describeSensor(options: DescribeSensorOptions = {}): Promise<SensorDescription> {
    const checked = checkOptions("describeSensor", describeSensorSchema, options);
    return unary(checked, async (callOptions) =>
      sensorDescription(await rpc.describeSensor({}, callOptions)),
    );
  }

  async function explain(options: ExplainOptions): Promise<QueryExplanation> {
    const plan = planExplain(options, defaults);
    const query = explainedRequest(plan);
    return unary(plan, async (callOptions) =>
      queryExplanation(await rpc.explainQuery({ query }, callOptions), plan),
    );
  }

  /** One call with one answer, ended by the caller's signal, the client's end, or its time limit. */
  async function unary<Answer>(
    { signal, timeoutMs = parts.timeoutMs }: { signal?: AbortSignal; timeoutMs?: number },
    send: (options: CallOptions) => Promise<Answer>,
  ): Promise<Answer> {
    const controller = new AbortController();
    let stopped: StenographerError | undefined;
    const cancel = (error: StenographerError) => {
      stopped = error;
      controller.abort();
    };
    const cancelBySignal = () => cancel(canceledBySignal("call", signal, undefined));
    const forget = onClientClose(cancel);
    const unlink = signal && onAbort(signal, cancelBySignal);
    if (signal?.aborted) cancelBySignal();
    try {
      return await send({ signal: controller.signal, timeoutMs });
    } catch (error) {
      throw stopped ?? (await errorFromRpc(error, { answered: false, timeoutMs, explainFailure }));
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

  return { fetchPcap, explain, describeSensor, close, [Symbol.asyncDispose]: close };
}
