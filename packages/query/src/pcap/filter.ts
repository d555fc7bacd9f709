import type { PcapFilterNode, PcapNode } from "./ast.js";
import { lowestProblem } from "./meaning.js";
import { parsePcapFilter } from "./parser.js";
import { printPcapFilter } from "./print.js";

/** A filter in the pcap-filter language as our functions take it: text, what the builder made, or a parsed tree. */
export type PcapFilterInput = string | PcapFilter | PcapFilterNode;

/** A filter made by the builder: `pcap.host("10.0.0.1").and(pcap.port(443))`. Immutable. */
export class PcapFilter {
  /** The language of the text and the tree. */
  readonly dialect = "pcap";

  constructor(
    /** The tree. */
    readonly node: PcapFilterNode,
  ) {}

  /**
   * This filter, and all of those behind it: behind `vlan` and the like they look inside the tag.
   *
   * @throws FilterSyntaxError for a text that cannot be read; FilterMeaningError if it means nothing together
   */
  and(...others: readonly PcapFilterInput[]): PcapFilter {
    return joinPcap("and", [this, ...others]);
  }

  /** This filter, or any of those behind it. @throws as `and` does */
  or(...others: readonly PcapFilterInput[]): PcapFilter {
    return joinPcap("or", [this, ...others]);
  }

  /** All that this filter does not match. (A packet too short to tell matches neither.) */
  not(): PcapFilter {
    return negatePcap(this);
  }

  /** The filter as canonical text. */
  toString(): string {
    return printPcapFilter(this.node);
  }
}

/** The tree of any kind of filter in the pcap-filter language. */
export function toPcapNode(input: PcapFilterInput): PcapNode {
  if (typeof input === "string") return parsePcapFilter(input).expression;
  const node: { readonly kind: string } = "node" in input ? input.node : input;
  if (node.kind !== "pcap") {
    throw new TypeError(
      "a filter in Stenographer's language cannot be part of one in the pcap-filter language (pcap.host and the like)",
    );
  }
  return (node as PcapFilterNode).expression; // its kind says so
}

/** A filter of one expression. @throws FilterMeaningError if it means nothing on any link type */
export function pcapFilter(expression: PcapNode): PcapFilter {
  const node: PcapFilterNode = { kind: "pcap", expression };
  const problem = lowestProblem(node);
  if (problem !== undefined) throw problem;
  return new PcapFilter(node);
}

/** The filters joined from left to right. */
export function joinPcap(kind: "and" | "or", filters: readonly PcapFilterInput[]): PcapFilter {
  const [first, ...rest] = filters.map(toPcapNode);
  if (first === undefined) throw new TypeError(`${kind}() needs at least one filter`);
  return pcapFilter(rest.reduce((left, right) => ({ kind, left, right }), first));
}

/** The opposite of a filter. */
export function negatePcap(filter: PcapFilterInput): PcapFilter {
  const node = toPcapNode(filter);
  return new PcapFilter({
    kind: "pcap",
    expression: node.kind === "not" ? node.operand : { kind: "not", operand: node },
  });
}
