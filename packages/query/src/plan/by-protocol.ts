import type { Bound, Bounds } from "./bound.js";

/**
 * A bound for each protocol that the index may have for a packet. A packet has one or none there, so two filters are
 * joined protocol by protocol: `tcp and port 53` has nothing to do with SCTP any more.
 */
export interface ByProtocol {
  /** Of those that are not listed, and of packets without one. */
  readonly otherwise: Bound;
  readonly listed: ReadonlyMap<number, Bound>;
}

const empty: ReadonlyMap<number, Bound> = new Map();

/** The same bound whatever the protocol. */
export function whatever(otherwise: Bound): ByProtocol {
  return { otherwise, listed: empty };
}

/** Joins two, protocol by protocol. */
export function joinByProtocol(bounds: Bounds, kind: "and" | "or", a: ByProtocol, b: ByProtocol): ByProtocol {
  if (a === b) return a;
  const join = (x: Bound, y: Bound) => bounds[kind](x, y);
  const otherwise = join(a.otherwise, b.otherwise);
  if (a.listed.size === 0 && b.listed.size === 0) return whatever(otherwise);
  const listed = new Map<number, Bound>();
  for (const protocol of [...a.listed.keys(), ...b.listed.keys()]) {
    if (!listed.has(protocol)) listed.set(protocol, join(of(a, protocol), of(b, protocol)));
  }
  for (const [protocol, bound] of listed) if (bound === otherwise) listed.delete(protocol);
  return { otherwise, listed };
}

function of({ listed, otherwise }: ByProtocol, protocol: number): Bound {
  return listed.get(protocol) ?? otherwise;
}
