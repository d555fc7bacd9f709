import type { PcapNode } from "../pcap/ast.js";
import { foldPcap } from "../pcap/walk.js";

/** Tests behind which all others look at another place of the frame. */
type Mover = "vlan" | "mpls";

/** What stands at the place of a frame that a test looks at. */
export type Place =
  | "ipv4"
  /** IPv6 whose next header is neither of the two below: its protocol in the index is that next header. */
  | "ipv6"
  /** IPv6 with a fragment header right behind the fixed one. */
  | "ipv6-fragment"
  /** IPv6 with another extension header there that the index walks over. */
  | "ipv6-extension"
  /** The tag or label that the next mover of the filter looks for. */
  | "tag"
  /** Any other type, or the frame ends before it. */
  | "other"
  /** Nothing is known: the frame is not made the way the filter looks at it. */
  | "unknown";

/**
 * One kind of frame: it has the first `depth` tags and labels that the filter names, in this order, not the next one,
 * and then what `place` says. Each frame is of one kind; what is in the index is told apart for each.
 */
export interface View {
  readonly depth: number;
  readonly place: "ipv4" | "ipv6" | "ipv6-fragment" | "ipv6-extension" | "other";
}

/** How the tests of a filter move along the frame. */
export interface Route {
  readonly movers: readonly Mover[];
  readonly views: readonly View[];
  /** Where each test looks, from left to right: behind so many movers; undefined behind what nothing is known of. */
  readonly depths: readonly (number | undefined)[];
}

/** More tags and labels in a row are not told apart. */
const maxMovers = 4;
const places = ["ipv4", "ipv6", "ipv6-fragment", "ipv6-extension", "other"] as const;

/** Goes through the filter from left to right, as libpcap does, whatever `or` and `not` stand between the tests. */
export function routeOf(expression: PcapNode, vlanTransparent: boolean): Route {
  const movers: Mover[] = [];
  const depths: (number | undefined)[] = [];
  let isLost = false;
  foldPcap<void>(expression, {
    primitive({ kind }) {
      const isMover = kind === "mpls" || (kind === "vlan" && !vlanTransparent);
      if (isMover && movers.length === maxMovers) isLost = true;
      depths.push(isLost ? undefined : movers.length);
      if (isMover && !isLost) movers.push(kind);
      // The index does not look into these.
      if (kind === "pppoes" || kind === "geneve") isLost = true;
    },
    not() {},
    binary() {},
  });
  const views = [...movers, undefined].flatMap((_, depth) => places.map((place) => ({ depth, place })));
  return { movers, views, depths };
}

/** What a test that looks behind so many movers finds in a frame of this kind. */
export function placeIn(view: View, depth: number | undefined): Place {
  if (depth === undefined || depth > view.depth) return "unknown";
  return depth === view.depth ? view.place : "tag";
}
