export type { IpAddress, Ipv4Address, Ipv6Address } from "./address.js";
export type { AnyFilterNode, FilterDialect } from "./any-filter.js";
export { type CompileOptions, compileFilter } from "./compile-filter.js";
export type { FrameMatcher } from "./frame-matcher.js";
export { UnsupportedLinkTypeError } from "./link-type.js";
export { type ParseOptions, parseFilter } from "./parse-filter.js";
export type * from "./pcap/ast.js";
export * as pcap from "./pcap/builder.js";
export { FilterCostError } from "./pcap/cost-error.js";
export { PcapFilter, type PcapFilterInput } from "./pcap/filter.js";
export { FilterMeaningError } from "./pcap/meaning-error.js";
export { type FilterPlan, type PlanFilterOptions, planFilter } from "./plan/plan-filter.js";
export { printFilter } from "./print-filter.js";
export { resolveTimes } from "./resolve-times.js";
export type {
  BinaryNode,
  FilterNode,
  HostNode,
  IpProtoNode,
  MplsNode,
  NetNode,
  PortNode,
  PrimitiveNode,
  ProtocolNode,
  VlanNode,
} from "./stenographer/ast.js";
export {
  after,
  and,
  before,
  Filter,
  type FilterInput,
  host,
  icmp,
  ipProto,
  mpls,
  net,
  or,
  port,
  tcp,
  udp,
  vlan,
} from "./stenographer/builder.js";
export { type StenographerTimingOptions, stenographerQuery } from "./stenographer/stenographer-query.js";
export { FilterSyntaxError } from "./syntax-error.js";
export type { AbsoluteTime, RelativeTime, TimeNode, TimeReference } from "./time.js";
export type { TimeInput } from "./time-input.js";

// What our own packages need besides.

export { type HeaderLength, headerLength } from "./header-length.js";
export { maxFilterLength } from "./limits.js";
export { explainTags } from "./pcap/vlan-tags.js";
export { compileTaggedFilter } from "./tagged-matcher.js";
