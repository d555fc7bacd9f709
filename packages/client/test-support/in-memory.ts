import {
  createRouterTransport,
  type HandlerContext,
  type ServiceImpl,
  type Transport,
} from "@connectrpc/connect";
import { Stenographer, type StenoRequest } from "@stenogrpc/protocol";
import { createStenographerClient } from "../src/index.js";
import type { AnswerMessage } from "./answers.js";

export type Script = (
  request: StenoRequest,
  context: HandlerContext,
) => Iterable<AnswerMessage> | AsyncIterable<AnswerMessage>;

/** A service that answers by a script. */
export function scriptedService(script: Script): Partial<ServiceImpl<typeof Stenographer>> {
  return {
    async *fetchPcap(request, context) {
      yield* script(request, context);
    },
  };
}

export function scriptedTransport(script: Script): Transport {
  return createRouterTransport((router) => router.service(Stenographer, scriptedService(script)));
}

/** A client of a scripted server in this process, and the requests that reached it. */
export function clientOf(script: Script, options: { originalServer?: boolean; timeoutMs?: number } = {}) {
  const requests: StenoRequest[] = [];
  const transport = scriptedTransport((request, context) => {
    requests.push(request);
    return script(request, context);
  });
  return { client: createStenographerClient({ transport, ...options }), requests };
}
