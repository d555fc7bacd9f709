import { addressBits, networkAddress, printIpAddress } from "../address.js";
import { checked } from "../checked.js";
import { printAgo, printTime, unlimitedTimestampNs } from "../time.js";
import { type FilterNode, isBinary, type PrimitiveNode } from "./ast.js";
import { largest } from "./limits.js";

/**
 * The filter as canonical text: lower case, single spaces, every `and` and `or` in parentheses, times in UTC.
 *
 * @throws RangeError for a number or time in the tree that no filter can hold
 */
export function printStenographerFilter(filter: FilterNode): string {
  const parts: string[] = [];
  // A stack of its own: the tree may be as deep as the text is long.
  const pending: (FilterNode | string)[] = [filter];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (typeof item === "string") parts.push(item);
    else if (isBinary(item)) pending.push(")", item.right, ` ${item.kind} `, item.left, "(");
    else parts.push(printPrimitive(item));
  }
  return parts.join("");
}

function printPrimitive(node: PrimitiveNode): string {
  switch (node.kind) {
    case "host":
      return `host ${printIpAddress(node.address)}`;
    case "net": {
      const prefixLength = checked("prefix length", node.prefixLength, addressBits(node.address));
      return `net ${printIpAddress(networkAddress(node.address, prefixLength))}/${prefixLength}`;
    }
    case "port":
      return `port ${checked("port", node.port, largest.port)}`;
    case "vlan":
      return `vlan ${checked("vlan", node.id, largest.vlan)}`;
    case "mpls":
      return `mpls ${checked("mpls", node.label, largest.mpls)}`;
    case "ip-proto":
      return `ip proto ${checked("ip proto", node.protocol, largest["ip proto"])}`;
    case "protocol":
      if (node.name === "tcp" || node.name === "udp" || node.name === "icmp") return node.name;
      throw new RangeError("protocol is not one of tcp, udp and icmp");
    case "before":
    case "after":
      if (node.time.kind === "ago") return `${node.kind} ${printAgo(node.time)}`;
      if (node.kind === "before" && node.time.timestampNs === unlimitedTimestampNs) {
        throw new RangeError(unlimitedTimeProblem);
      }
      return `${node.kind} ${printTime(node.time.timestampNs)}`;
    default:
      throw new RangeError("not a filter node");
  }
}

/** Why `before 0001-01-01T00:00:00Z` is refused. */
export const unlimitedTimeProblem =
  "before 0001-01-01T00:00:00Z would select every packet: Stenographer takes this one instant for no limit";
