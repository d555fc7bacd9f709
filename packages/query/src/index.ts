export type {
  AbsoluteTime,
  AnyFilterNode,
  BinaryNode,
  FilterDialect,
  FilterNode,
  HostNode,
  IpAddress,
  IpProtoNode,
  Ipv4Address,
  Ipv6Address,
  MplsNode,
  NetNode,
  PortNode,
  PrimitiveNode,
  ProtocolNode,
  RelativeTime,
  TimeNode,
  TimeReference,
  VlanNode,
} from "./ast.js";
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
  type TimeInput,
  tcp,
  udp,
  vlan,
} from "./builder.js";
export { type CompileOptions, compileFilter, type FrameMatcher } from "./compile.js";
export { UnsupportedLinkTypeError } from "./link-type.js";
export { type ParseOptions, parseFilter } from "./parser.js";
export type * from "./pcap/ast.js";
export * as pcap from "./pcap/builder.js";
export { PcapFilter, type PcapFilterInput } from "./pcap/filter.js";
export { FilterMeaningError } from "./pcap/meaning-error.js";
export { type FilterPlan, type PlanFilterOptions, planFilter } from "./plan/plan-filter.js";
export { printFilter } from "./print.js";
export { resolveTimes } from "./resolve-times.js";
export { type StenographerTimingOptions, stenographerQuery } from "./stenographer-query.js";
export { FilterSyntaxError } from "./syntax-error.js";

// What our own packages need besides.

export { type HeaderLength, headerLength } from "./header-length.js";
export { maxFilterLength } from "./limits.js";
