import type { FilterNode } from "../ast.js";
import type { PcapFilterNode, PcapHostNode, PcapNetNode, PcapNode, PcapPortNode } from "../pcap/ast.js";
import { foldPcap } from "../pcap/walk.js";
import { printFilter } from "../print.js";
import { maxCharacters, maxTerms } from "./bound.js";
import { maxPorts } from "./cover.js";
import { isNothing } from "./index-filter.js";

/** A part of the filter that stands between its `and`s and `or`s. */
export interface Part {
  readonly node: PcapNode;
  /** It looks behind something that the index does not look into. */
  readonly isInside: boolean;
  /** What covers it alone. */
  readonly index: FilterNode | undefined;
}

/** Longer texts are cut. */
const longestText = 200;
/** More parts are not explained. */
const mostLines = 12;

/** The lines for a filter in Stenographer's language, or for none. */
export function explainStenographer(filter: FilterNode | undefined): readonly string[] {
  if (filter === undefined) return ["Reads every packet in the window: there is no filter"];
  return [
    `The index is asked for the filter as it is: ${quoted(filter)}`,
    "What comes back is matched here again, packet by packet",
  ];
}

/** The lines for a filter in the pcap-filter language. */
export function explainPcap(
  filter: PcapFilterNode,
  index: FilterNode | undefined,
  parts: readonly Part[],
  isCropped: boolean,
): readonly string[] {
  const about = new Set<string>();
  for (const part of parts) {
    const line = partLine(part, index);
    if (line !== undefined) about.add(line);
  }
  const lines = [...about];
  const shown = lines.slice(0, mostLines);
  if (lines.length > shown.length)
    shown.push(`and ${lines.length - shown.length} more parts that it does not know`);
  return [
    headline(index, parts),
    ...shown,
    ...(isCropped
      ? [
          `Asked for less than it could be: at most ${maxTerms} terms and ${maxCharacters / 1024} KiB go to the index`,
        ]
      : []),
    `Every packet that comes back is matched here against ${quoted(filter)}`,
    ...(index === undefined || isNothing(index) ? [] : assumptions(filter)),
  ];
}

function headline(index: FilterNode | undefined, parts: readonly Part[]): string {
  if (index !== undefined) {
    return isNothing(index)
      ? `No packet can match: the index is asked for ${quoted(index)}, which no packet is`
      : `The index is asked for ${quoted(index)}`;
  }
  const isAny = parts.some((part) => part.index !== undefined);
  const why = isAny
    ? "the index does not cover all that the filter allows"
    : "no part of the filter is in the index";
  return `Reads every packet in the window: ${why}`;
}

function partLine({ node, isInside, index }: Part, whole: FilterNode | undefined): string | undefined {
  const text = quoted({ kind: "pcap", expression: node });
  if (index === undefined) {
    // With more around it, ARP may be out of the question: `host 10.0.0.1 and tcp`.
    if ((node.kind === "host" || node.kind === "net") && whole !== undefined && !isInside) return undefined;
    return because(`${text} is not in the index`, isInside ? insideReason : reasonFor(node, false));
  }
  const asked = quoted(index);
  if (isNothing(index) || asked === text) return undefined;
  return because(`${text} is asked for as ${asked}`, reasonFor(node, true));
}

function because(fact: string, reason: string | undefined): string {
  return reason === undefined ? fact : `${fact}: ${reason}`;
}

const insideReason = "the index does not look into PPPoE, Geneve, or more than four tags and labels";

function reasonFor(node: PcapNode, isIndexed: boolean): string | undefined {
  switch (node.kind) {
    case "not":
      return isIndexed ? undefined : "it knows no `not`";
    case "host":
    case "net":
      return isIndexed ? addressReason(node) : arpReason(node);
    case "port":
      return portReason(node);
    case "protocol":
    case "proto":
    case "protochain":
      if (!isIndexed) return "it has IP protocols by number, and no other types";
      if (node.kind === "protocol" && node.name === "ip6") return "all of IPv6 is in it by its addresses";
      return "later fragments of IPv6 are in it as `ip proto 44`";
    case "relation":
      return isIndexed
        ? "it has no bytes of packets, only their protocol"
        : "it has no bytes or lengths of packets";
    case "vlan":
    case "mpls":
      return "it has tags and labels by their number only";
    case "geneve":
      return "it has the port only";
    case "broadcast":
    case "multicast":
      return node.protocol === "ether" ? "it has no Ethernet addresses" : "it knows no direction";
    case "ether-host":
      return "it has no Ethernet addresses";
    default:
      return undefined;
  }
}

function addressReason(node: PcapHostNode | PcapNetNode): string {
  return node.direction === undefined
    ? "it knows addresses and networks of leading bits"
    : "it knows no direction";
}

function arpReason({ protocol, address }: PcapHostNode | PcapNetNode): string {
  if (protocol === "arp" || protocol === "rarp") return "ARP is in no index";
  if (protocol === "ip" || address.version === 6) return "the mask has no leading bits";
  return "it also means ARP, which is in no index; with `ip` in front it would not";
}

function portReason({ protocol, direction, low, high }: PcapPortNode): string {
  const reasons: string[] = [];
  if (high - low >= maxPorts) reasons.push(`more than ${maxPorts} ports are not asked for one by one`);
  if (protocol === undefined || protocol === "sctp") reasons.push("ports of SCTP are not in it");
  if (direction !== undefined) reasons.push("it knows no direction");
  return reasons.length === 0 ? "it has ports of TCP and UDP together" : reasons.join("; ");
}

function assumptions(filter: PcapFilterNode): readonly string[] {
  const lines = [
    "Not found are packets that were cut or malformed within the headers that the index is made from, up to TCP and UDP",
  ];
  if (hasVlan(filter)) {
    lines.push(
      "VLAN tags that the network card took off are not in the index: `vlan` means those in the frame",
    );
  }
  return lines;
}

function hasVlan({ expression }: PcapFilterNode): boolean {
  return foldPcap<boolean>(expression, {
    primitive: ({ kind }) => kind === "vlan",
    not: (operand) => operand,
    binary: (_, left, right) => left || right,
  });
}

function quoted(filter: FilterNode | PcapFilterNode): string {
  const text = printFilter(filter);
  return `\`${text.length > longestText ? `${text.slice(0, longestText - 3)}...` : text}\``;
}
