import { printFilter } from "../print-filter.js";
import type { FilterNode } from "../stenographer/ast.js";
import {
  type Bound,
  type Bounds,
  boundNode,
  countTerms,
  hasPort,
  joinNodes,
  maxCharacters,
  maxTerms,
} from "./bound.js";
import { type ByProtocol, joinByProtocol, whatever } from "./by-protocol.js";
import type { View } from "./view.js";

/** No packet has two protocols. */
const nothing: FilterNode = {
  kind: "and",
  left: { kind: "protocol", name: "tcp" },
  right: { kind: "protocol", name: "udp" },
};

/** Whether the index is asked for what no packet is. */
export function isNothing(index: FilterNode): boolean {
  return index === nothing;
}

/** The filter for the index that covers all kinds of frames; undefined if time alone does. */
export function indexFilter(
  bounds: Bounds,
  views: readonly View[],
  covers: readonly ByProtocol[],
): FilterNode | undefined {
  let total = whatever(bounds.none);
  for (const [i, { place }] of views.entries()) {
    const cover = covers[i] ?? whatever(bounds.all);
    const known = place === "ipv4" || place === "other" ? cover : ofIpv6(bounds, cover);
    total = joinByProtocol(bounds, "or", total, known);
  }
  if (total.otherwise === bounds.all) return undefined;
  const alternatives = groups(bounds, total).map(([bound, protocols]) => groupNode(bound, protocols));
  if (total.otherwise !== bounds.none) alternatives.unshift(boundNode(total.otherwise));
  if (alternatives.length === 0) return nothing;
  const whole = joinNodes("or", alternatives);
  if (isShort(whole)) return whole;
  bounds.isCropped = true;
  if (total.otherwise !== bounds.none) return undefined;
  const protocols = joinNodes("or", [...total.listed.keys()].map(protocolNode));
  return isShort(protocols) ? protocols : undefined;
}

/** All of IPv6 is in the index by its addresses. */
function ofIpv6(bounds: Bounds, cover: ByProtocol): ByProtocol {
  if (cover.otherwise !== bounds.all) return cover;
  const net = bounds.term({
    kind: "net",
    address: { version: 6, words: [0, 0, 0, 0] },
    prefixLength: 0,
  });
  return joinByProtocol(bounds, "and", cover, whatever(net));
}

/** Protocols with one bound are asked for together. */
function groups(bounds: Bounds, { otherwise, listed }: ByProtocol): [Bound, number[]][] {
  const byBound = new Map<Bound, number[]>();
  for (const [protocol, own] of listed) {
    const bound = bounds.without(own, otherwise);
    if (bound === bounds.none) continue;
    const protocols = byBound.get(bound);
    if (protocols === undefined) byBound.set(bound, [protocol]);
    else protocols.push(protocol);
  }
  return [...byBound];
}

function groupNode(bound: Bound, protocols: readonly number[]): FilterNode {
  const inProtocol = joinNodes("or", protocols.map(protocolNode));
  if (bound.kind === "all") return inProtocol;
  // A port says by itself that it is one of these.
  if (protocols.includes(6) && protocols.includes(17) && hasPort(bound)) return boundNode(bound);
  const parts = bound.kind === "and" ? bound.parts : [bound];
  return joinNodes("and", [inProtocol, ...parts.map(boundNode)]);
}

function protocolNode(number: number): FilterNode {
  const name = number === 6 ? "tcp" : number === 17 ? "udp" : number === 1 ? "icmp" : undefined;
  return name === undefined ? { kind: "ip-proto", protocol: number } : { kind: "protocol", name };
}

function isShort(node: FilterNode): boolean {
  return countTerms(node) <= maxTerms && printFilter(node).length <= maxCharacters;
}
