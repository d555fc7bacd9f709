import type { AnyFilterNode } from "../any-filter.js";
import type { PcapFilterNode } from "../pcap/ast.js";
import { explainTags } from "../pcap/vlan-tags.js";
import { foldPcap } from "../pcap/walk.js";
import { printFilter } from "../print-filter.js";
import type { FilterNode } from "../stenographer/ast.js";
import { type StenographerTimingOptions, stenographerQuery } from "../stenographer/stenographer-query.js";
import { Bounds } from "./bound.js";
import { type ByProtocol, joinByProtocol, whatever } from "./by-protocol.js";
import { Coverer } from "./cover.js";
import { explainPcap, explainStenographer, type Part } from "./explain.js";
import { indexFilter } from "./index-filter.js";
import { placeIn, routeOf } from "./view.js";
import { withoutVlans } from "./without-vlans.js";

/** The window, and what is known of the sensor and of how the filter is matched. */
export interface PlanFilterOptions extends StenographerTimingOptions {
  /** Start of the window, included, in nanoseconds since the epoch. */
  readonly from: bigint;
  /** Its end, not included. */
  readonly to: bigint;
  /** The pcap filter is matched through VLAN tags (see `CompileOptions`). Default false. */
  readonly vlanTransparent?: boolean | undefined;
  /** The outer VLAN tag is put back into frames before they are matched; the index has never seen it. Default false. */
  readonly restoreVlanTags?: boolean | undefined;
}

/** How a filter is answered from Stenographer's index, which knows less than the filter asks. */
export interface FilterPlan {
  /** What the index is asked besides time; undefined: it can't help, packets are chosen by time alone. */
  readonly index: FilterNode | undefined;
  /** The whole query for Stenographer, its times widened as `stenographerQuery` does it. */
  readonly query: string;
  /** What is matched packet by packet in what comes back; undefined: no filter. */
  readonly residual: AnyFilterNode | undefined;
  /** In words for a user, one fact a line. */
  readonly explanation: readonly string[];
}

/**
 * What to ask Stenographer for a filter of either language, so that every packet the filter matches surely comes.
 *
 * For Stenographer's own language that is the filter. For tcpdump's it is a wider one: the index knows no directions, no
 * `not`, no flags, and not all protocols. What comes back must be matched with `residual`, and cut to the window.
 *
 * Packets that are cut or malformed within the headers that the index is made from are not found by the index, whatever
 * it is asked: VLAN tags, MPLS labels, the IP header, an IPv6 fragment header, for `port` all of the TCP or UDP header.
 *
 * @throws TypeError if a time is still relative (see `resolveTimes`); RangeError for an option that is no number of seconds
 */
export function planFilter(filter: AnyFilterNode | undefined, options: PlanFilterOptions): FilterPlan {
  const window = { startNs: options.from, endNs: options.to };
  const planned =
    filter?.kind === "pcap"
      ? planPcap(filter, options.vlanTransparent === true)
      : { index: filter, explanation: explainStenographer(filter) };
  const { index, explanation } = options.restoreVlanTags ? leavingVlansOut(planned) : planned;
  return { index, query: stenographerQuery(index, window, options), residual: filter, explanation };
}

type Planned = Pick<FilterPlan, "index" | "explanation">;

function leavingVlansOut({ index, explanation }: Planned): Planned {
  const asked = index && withoutVlans(index);
  if (asked === index) return { index, explanation };
  const change =
    asked === undefined
      ? "Reads every packet in the window: VLAN tags that are put back are not in the index"
      : `VLAN tags that are put back are not in the index: it is asked for "${printFilter(asked)}" instead`;
  return { index: asked, explanation: [...explanation, change] };
}

/** What is known of each kind of frame if a part of the filter passes, and if it fails. */
interface Covers {
  readonly yes: readonly ByProtocol[];
  readonly no: readonly ByProtocol[];
  readonly parts: readonly CoveredPart[];
}

type CoveredPart = Omit<Part, "index"> & Pick<Covers, "yes">;

const mostParts = 64;

function planPcap(filter: PcapFilterNode, vlanTransparent: boolean) {
  const route = routeOf(filter.expression, vlanTransparent);
  const { views } = route;
  const bounds = new Bounds();
  const coverer = new Coverer(bounds, vlanTransparent);
  const join = (kind: "and" | "or", a: readonly ByProtocol[], b: readonly ByProtocol[]) =>
    a.map((cover, i) => joinByProtocol(bounds, kind, cover, b[i] ?? cover));
  const nothing = whatever(bounds.none);
  let position = 0;
  const { yes, parts } = foldPcap<Covers>(filter.expression, {
    primitive(node) {
      const depth = route.depths[position++];
      const isBehindLabels = route.movers.slice(0, depth).includes("mpls");
      const covers = views.map((view) => coverer.cover(node, placeIn(view, depth), isBehindLabels));
      const yes = covers.map((cover) => cover.yes);
      const no = covers.map((cover) => cover.no);
      // Alone it is explained for the frames that have what stands before it: `tcp` behind `vlan`.
      const own = yes.map((cover, i) => ((views[i]?.depth ?? 0) < (depth ?? 0) ? nothing : cover));
      return { yes, no, parts: [{ node, isInside: depth === undefined, yes: own }] };
    },
    not: ({ yes, no }, node) => ({ yes: no, no: yes, parts: [{ node, isInside: false, yes: no }] }),
    binary: (kind, a, b) => ({
      yes: join(kind, a.yes, b.yes),
      no: join(kind === "and" ? "or" : "and", a.no, b.no),
      parts: a.parts.length > mostParts ? a.parts : [...a.parts, ...b.parts],
    }),
  });
  const index = indexFilter(bounds, views, yes);
  const { isCropped } = bounds;
  bounds.renew();
  const explained = parts.slice(0, mostParts).map(({ node, isInside, yes: cover }) => ({
    node,
    isInside,
    index: indexFilter(bounds, views, cover),
  }));
  const explanation = [
    ...explainPcap(filter, index, explained, isCropped),
    ...explainTags(filter, vlanTransparent),
  ];
  return { index, explanation };
}
