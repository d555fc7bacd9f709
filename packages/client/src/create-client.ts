import type { Transport } from "@connectrpc/connect";
import { sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import { checkOptions } from "./check-options.js";
import { assembleClient, type StenographerClient } from "./client.js";
import { retryForMs, timeoutMs } from "./option-schemas.js";
import { PcapFetch } from "./pcap-fetch.js";
import { createSha256 } from "./sha256.js";

const isTransport = (value: unknown): value is Transport =>
  typeof value === "object" && value !== null && "unary" in value && "stream" in value;

/** How to reach a server over a transport of your own. Unknown keys are refused. */
export interface ClientOptions {
  /** How calls travel: any Connect transport, for example of `@connectrpc/connect-web`. */
  transport: Transport;
  /** Whether the server is the Python prototype of 2019, which sends no summary to verify against. Default: false. */
  originalServer?: boolean | undefined;
  /** The longest a call may take, in milliseconds, unless the call says otherwise. Default: none. */
  timeoutMs?: number | undefined;
  /** How long a fetch that finds no place on the server asks again, in milliseconds, unless it says otherwise. Default: 30 000; 0: not. */
  retryForMs?: number | undefined;
  /**
   * Whether a fetch asks again for as long, too, where there is no connection or it is lost, the server shuts down, or its packets can't
   * be had now, unless the fetch says otherwise. Default: false, and they fail at once.
   */
  retryOutages?: boolean | undefined;
}

const clientOptionsSchema = strictOptions({
  transport: z.custom<Transport>(isTransport, { error: "pass a Connect transport" }),
  originalServer: z.boolean().default(false),
  timeoutMs: timeoutMs.optional(),
  retryForMs: retryForMs.default(30_000),
  retryOutages: z.boolean().default(false),
});
sameType<ClientOptions, z.input<typeof clientOptionsSchema>>(true);

/**
 * A client over any Connect transport; for Node, `@stenogrpc/client/node` makes the transport itself.
 *
 * `close()` cancels what runs; the transport stays whoever's made it.
 *
 * @throws StenographerError `OPTIONS_INVALID`
 */
export function createStenographerClient(options: ClientOptions): StenographerClient {
  const checked = checkOptions("createStenographerClient", clientOptionsSchema, options);
  return assembleClient({
    transport: checked.transport,
    originalServer: checked.originalServer,
    timeoutMs: checked.timeoutMs,
    retryForMs: checked.retryForMs,
    retryOutages: checked.retryOutages,
    createHash: createSha256,
    createFetch: (retrieval) => new PcapFetch(retrieval),
  });
}
