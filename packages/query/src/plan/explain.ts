import { prefixLengthOf } from "../address.js";
import type { PcapFilterNode, PcapHostNode, PcapNetNode, PcapNode, PcapPortNode } from "../pcap/ast.js";
import { foldPcap } from "../pcap/walk.js";
import { printFilter } from "../print-filter.js";
import type { FilterNode } from "../stenographer/ast.js";
import { primitives } from "../stenographer/walk.js";
import { clip } from "../syntax-error.js";
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
  return [
    headline(index, parts),
    ...partLines(parts, index),
    ...(index === undefined && parts.every((part) => part.index !== undefined) ? joinLines(filter) : []),
    ...(isCropped ? [tooLong] : []),
    `Every packet that comes back is matched here against ${quoted(filter)}`,
    ...(index === undefined || isNothing(index) ? [] : assumptions(filter)),
  ];
}

const tooLong = `The filter is too long to be asked for in full: at most ${maxTerms} terms and ${maxCharacters / 1024} KiB go to the index`;

function headline(index: FilterNode | undefined, parts: readonly Part[]): string {
  if (index === undefined) {
    const isAny = parts.some((part) => part.index !== undefined);
    const why = isAny
      ? "not all that the filter allows is in the index"
      : "no part of the filter is in the index";
    return `Reads every packet in the window: ${why}`;
  }
  return isNothing(index)
    ? `No packet can match: the index is asked for ${quoted(index)}, which no packet is`
    : `The index is asked for ${quoted(index)}`;
}

function partLines(parts: readonly Part[], whole: FilterNode | undefined): string[] {
  const asked = new Set<number>();
  for (const node of whole === undefined ? [] : primitives(whole)) {
    if (node.kind === "ip-proto") asked.add(node.protocol);
  }
  const lines = new Set<string>();
  for (const part of parts) {
    const line = partLine(part, whole, asked);
    if (line !== undefined) lines.add(line);
  }
  const shown = [...lines].slice(0, mostLines);
  if (lines.size > shown.length) shown.push(`and so on for ${lines.size - shown.length} more parts`);
  return shown;
}

/** @param asked the protocols that the whole index filter asks for by number */
function partLine(
  { node, isInside, index }: Part,
  whole: FilterNode | undefined,
  asked: ReadonlySet<number>,
): string | undefined {
  const text = quoted({ kind: "pcap", expression: node });
  if (index === undefined) {
    if (isInside) return `${text} is not in the index: ${insideReason}`;
    // With more around it, ARP may be out of the question: `host 10.0.0.1 and tcp`.
    if ((node.kind === "host" || node.kind === "net") && whole !== undefined) return undefined;
    return because(`${text} is not in the index`, notIndexed(node));
  }
  if (isNothing(index) || quoted(index) === text) return undefined;
  const reason = onlyWider(node, asked);
  return reason === undefined ? undefined : `${text} is asked for as ${quoted(index)}: ${reason}`;
}

function because(fact: string, reason: string | undefined): string {
  return reason === undefined ? fact : `${fact}: ${reason}`;
}

const insideReason = "it does not look into PPPoE, Geneve, or more than four tags and labels";
const noDirection = "the index knows no direction";

/** Why time alone covers it. */
function notIndexed(node: PcapNode): string | undefined {
  switch (node.kind) {
    case "not":
      return "it knows no `not`";
    case "host":
    case "net":
      return arpReason(node);
    case "protocol":
    case "proto":
      return "it has IP protocols by their number, and no other types";
    case "relation":
      return "it has no bytes and lengths of packets";
    case "vlan":
    case "mpls":
      return "it has tags and labels by their number";
    case "broadcast":
    case "multicast":
    case "ether-host":
      return "it has no Ethernet addresses";
    default:
      return undefined;
  }
}

function arpReason({ protocol, address }: PcapHostNode | PcapNetNode): string {
  if (protocol === "arp" || protocol === "rarp") return "ARP is in no index";
  if (protocol === "ip" || address.version === 6) return "the mask has no leading bits";
  return "it also means ARP, which is in no index; with `ip` in front it would not";
}

/** Why it is asked for as something wider; undefined if that is the same thing in other words. */
function onlyWider(node: PcapNode, asked: ReadonlySet<number>): string | undefined {
  switch (node.kind) {
    case "host":
    case "net":
      return addressReason(node);
    case "port":
      return portReason(node, asked);
    case "protocol":
    case "proto":
    case "protochain":
      return asked.has(44) ? "later fragments of IPv6 are in the index as `ip proto 44`" : undefined;
    case "relation":
      return "the index has no bytes of packets, only their protocol";
    case "geneve":
      return "the index has the port of the tunnel only";
    case "broadcast":
    case "multicast":
      return noDirection;
    default:
      return undefined;
  }
}

function addressReason(node: PcapHostNode | PcapNetNode): string | undefined {
  if (node.kind === "net" && prefixLengthOf(node.mask) === undefined) {
    return "the index knows networks by their first bits";
  }
  return node.direction === undefined ? undefined : noDirection;
}

function portReason(node: PcapPortNode, asked: ReadonlySet<number>): string | undefined {
  const reasons: string[] = [];
  if (node.high - node.low >= maxPorts)
    reasons.push(`more than ${maxPorts} ports are not asked for one by one`);
  if (node.protocol !== "tcp" && node.protocol !== "udp" && asked.has(132)) {
    reasons.push("the index has no ports of SCTP");
  }
  if (node.direction !== undefined) reasons.push(noDirection);
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

/** Why parts that are in the index do not make a whole that is. */
function joinLines(filter: PcapFilterNode): string[] {
  if (!has(filter, ["vlan", "mpls"])) return [];
  return [
    "`vlan` and `mpls` move what stands behind them, behind an `or` as well: in frames without the tag it looks at bytes of which the index knows nothing",
  ];
}

function assumptions(filter: PcapFilterNode): readonly string[] {
  const lines = [
    "Not found are packets that were cut or malformed within the headers that the index is made from, up to TCP and UDP",
  ];
  if (has(filter, ["vlan"])) {
    lines.push(
      "VLAN tags that the network card took off are not in the index: `vlan` means those in the frame",
    );
  }
  return lines;
}

function has({ expression }: PcapFilterNode, kinds: readonly PcapNode["kind"][]): boolean {
  return foldPcap<boolean>(expression, {
    primitive: ({ kind }) => kinds.includes(kind),
    not: (operand) => operand,
    binary: (_, left, right) => left || right,
  });
}

function quoted(filter: FilterNode | PcapFilterNode): string {
  const text = printFilter(filter);
  return `\`${text.length > longestText ? clip(text, longestText - 3) : text}\``;
}
