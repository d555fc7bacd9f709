import type { RetrievalPlan } from "../sources/packet-source.js";

/** A plan to open a source with in a test: what is left out is what a client that asks for nothing special gets. */
export function retrievalPlan(plan: Pick<RetrievalPlan, "window"> & Partial<RetrievalPlan>): RetrievalPlan {
  return {
    uid: "test",
    filter: undefined,
    index: undefined,
    resolution: undefined,
    restoreVlanTags: false,
    ...plan,
  };
}
