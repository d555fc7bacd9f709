import type { StenoRequest } from "@stenogrpc/protocol";

/** Longer texts of a client's are cut in the log: they may not have been checked. */
const mostCharacters = 1000;

/** What the log says of a request as it came, whether or not it could be made sense of. */
export function asAsked(request: StenoRequest | undefined): object {
  return {
    uid: clipped(request?.request?.uid),
    requestReason: clipped(request?.reason),
    filter: clipped(request?.bpf),
  };
}

function clipped(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
}
