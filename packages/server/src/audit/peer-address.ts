import { createContextKey } from "@connectrpc/connect";

/** Where the address that a request came from travels. */
export const peerAddressKey = createContextKey<string | undefined>(undefined, {
  description: "address of the client",
});
