import type { AnyFilterNode } from "../any-filter.js";
import type { ArithmeticNode, PcapPrimitiveNode } from "./ast.js";
import { pcapPrimitives } from "./walk.js";

/** The Ethernet type of 802.1Q, 802.1ad, or what came before that. */
export function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100;
}

/**
 * Whether the filter tests what stands behind VLAN tags, and does not look there: as tcpdump's language does, unless it is told to, or names
 * the tag itself.
 */
export function overlooksTagged(filter: AnyFilterNode, vlanTransparent: boolean | undefined): boolean {
  if (filter.kind !== "pcap" || vlanTransparent === true) return false;
  const primitives = [...pcapPrimitives(filter.expression)];
  return !primitives.some(({ kind }) => kind === "vlan") && primitives.some(isBehindTags);
}

/** What a user must know of it, in words. */
export function explainTags(filter: AnyFilterNode, vlanTransparent: boolean | undefined): readonly string[] {
  return overlooksTagged(filter, vlanTransparent)
    ? [
        "The filter does not look behind VLAN tags, unless asked to with vlan_transparent (vlanTransparent, --any-vlan)",
      ]
    : [];
}

/** Whether a tag moves what it tests. */
function isBehindTags(node: PcapPrimitiveNode): boolean {
  switch (node.kind) {
    case "before":
    case "after":
    case "ether-host":
    case "inbound":
    case "outbound":
    case "ifindex":
      return false;
    case "broadcast":
    case "multicast":
      return node.protocol !== "ether";
    case "relation":
      return loadsBehindTags([node.left, node.right]);
    default:
      return true;
  }
}

function loadsBehindTags(operands: readonly ArithmeticNode[]): boolean {
  const pending = [...operands];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.kind === "load") {
      if (node.protocol !== "ether") return true;
      pending.push(node.offset);
    } else if (node.kind === "operation") pending.push(node.left, node.right);
    else if (node.kind === "negative") pending.push(node.operand);
  }
  return false;
}
