import { framingOf } from "../../link-type.js";
import type { PcapNode, PcapPrimitiveNode, ProtocolName } from "../ast.js";
import { type Condition, not } from "../condition.js";
import { FilterMeaningError } from "../meaning-error.js";
import { foldPcap, pcapPrimitives } from "../walk.js";
import { hasAddress, hasEthernetAddress, isCast } from "./addresses.js";
import { isRelation } from "./arithmetic.js";
import { insideGeneve, insideMpls, insidePppoes, insideVlan } from "./encapsulations.js";
import { type HeaderOptions, Headers, type SkippedTags } from "./headers.js";
import { cameByInterface, hasType, isLlc, wentWay } from "./link-layer.js";
import { etherType } from "./numbers.js";
import { hasInChain, hasNumber, hasPort, isProtocol } from "./protocols.js";
import { isOnSide } from "./time.js";

/** What a filter is lowered for. */
interface LowerOptions extends HeaderOptions {
  /** LINKTYPE_ number of the capture. */
  readonly linkType: number;
}

export interface Lowered {
  readonly condition: Condition;
  /** How many registers its tests use. */
  readonly registers: number;
  /** VLAN tags that are to be skipped before the tests. */
  readonly tags: SkippedTags | undefined;
}

/**
 * A filter in terms of bytes for one link type, test for test what libpcap 1.10 compiles it to.
 *
 * @throws UnsupportedLinkTypeError; FilterMeaningError where libpcap refuses to compile; TypeError if a time is still
 *   relative
 */
export function lower(expression: PcapNode, options: LowerOptions): Lowered {
  const headers = new Headers(framingOf(options.linkType), options);
  // From left to right: some tests move the headers for those behind them.
  const condition = foldPcap<Condition>(expression, {
    primitive: (node) => lowerTest(headers, node),
    not,
    binary: (op, left, right) => ({ op, left, right }),
  });
  return { condition, registers: headers.registers, tags: headers.skippedTags };
}

/**
 * Throws what `lower` would throw, without making anything: filters of thousands of tests are checked as they are read.
 * Times may still be relative.
 *
 * @throws FilterMeaningError
 */
export function checkMeaning(expression: PcapNode, linkType: number): void {
  const headers = new Headers(framingOf(linkType), {});
  /** Protocols that are known to mean something here. */
  const known = new Set<ProtocolName>();
  for (const node of pcapPrimitives(expression)) {
    if (isAlwaysMeaningful(node)) continue;
    if (node.kind === "protocol") {
      if (known.has(node.name)) continue;
      known.add(node.name);
    } else if (movesHeaders(node)) {
      known.clear();
    }
    lowerTest(headers, node);
  }
}

/** What every link type has, wherever the headers are. */
function isAlwaysMeaningful(node: PcapPrimitiveNode): boolean {
  switch (node.kind) {
    case "port":
    case "before":
    case "after":
      return true;
    case "host":
    case "net":
      return node.protocol !== "arp" && node.protocol !== "rarp";
    default:
      return false;
  }
}

function movesHeaders({ kind }: PcapPrimitiveNode): boolean {
  return kind === "vlan" || kind === "mpls" || kind === "pppoes" || kind === "geneve";
}

/** @throws FilterMeaningError that tells which test it was */
function lowerTest(headers: Headers, node: PcapPrimitiveNode): Condition {
  try {
    return conditionOf(headers, node);
  } catch (problem) {
    if (!(problem instanceof FilterMeaningError)) throw problem;
    throw new FilterMeaningError(problem.message, node, problem.hint);
  }
}

function conditionOf(headers: Headers, node: PcapPrimitiveNode): Condition {
  switch (node.kind) {
    case "host":
    case "net":
      return hasAddress(headers, node);
    case "ether-host":
      return hasEthernetAddress(headers, node);
    case "port":
      return hasPort(headers, node);
    case "proto":
      return hasNumber(headers, node.number, node.protocol);
    case "protochain":
      return hasInChain(headers, node);
    case "protocol":
      return isProtocol(headers, node.name);
    case "broadcast":
    case "multicast":
      return isCast(headers, node);
    case "relation":
      return isRelation(headers, node);
    case "vlan":
      return insideVlan(headers, node.id);
    case "mpls":
      return insideMpls(headers, node.label);
    case "pppoed":
      return hasType(headers, etherType.pppoeDiscovery);
    case "pppoes":
      return insidePppoes(headers, node.session);
    case "geneve":
      return insideGeneve(headers, node.vni);
    case "llc":
      return isLlc(headers, node.type);
    case "inbound":
    case "outbound":
      return wentWay(headers, node.kind);
    case "ifindex":
      return cameByInterface(headers, node.index);
    case "before":
    case "after":
      return isOnSide(node);
  }
}
