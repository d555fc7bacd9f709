import { all, any, behind, type Condition, compare } from "../condition.js";
import { FilterMeaningError } from "../meaning-error.js";
import type { Headers } from "./headers.js";
import { hasType } from "./link-layer.js";
import { etherType } from "./numbers.js";
import { hasPortOverIpv4, hasPortOverIpv6, type PortTest } from "./protocols.js";

/** A VLAN tag here; what is lowered next looks behind it. */
export function insideVlan(headers: Headers, id: number | undefined): Condition {
  const { tags, link, linkName, payload } = headers;
  if (tags !== undefined) return { op: "vlan-tag", id: id ?? -1, tags };
  if (headers.isBehindLabel) throw new FilterMeaningError('"vlan" cannot stand behind "mpls"');
  if (link !== "ethernet") throw new FilterMeaningError(`there are no VLAN tags in ${linkName} captures`);
  const isTag = any(
    hasType(headers, etherType.vlan),
    hasType(headers, etherType.serviceVlan),
    hasType(headers, etherType.oldVlan),
  );
  headers.vlan();
  return id === undefined ? isTag : all(isTag, compare(2, payload, 0, id, "eq", 0x0fff));
}

/** An MPLS label here; what is lowered next looks behind it. */
export function insideMpls(headers: Headers, label: number | undefined): Condition {
  const { network } = headers;
  const isLabel = isMpls(headers);
  headers.mpls();
  if (label === undefined) return isLabel;
  return all(isLabel, compare(4, network, 0, label * 0x1000, "eq", 0xfffff000));
}

function isMpls(headers: Headers): Condition {
  // The label before is not the last one.
  if (headers.isBehindLabel) return compare(1, headers.network, -2, 0, "eq", 0x01);
  if (headers.link === "ethernet") return hasType(headers, etherType.mpls);
  if (headers.link === "ppp") return hasType(headers, 0x0281);
  throw new FilterMeaningError(`there is no MPLS in ${headers.linkName} captures`);
}

/** A PPPoE session here; what is lowered next looks inside it. */
export function insidePppoes(headers: Headers, session: number | undefined): Condition {
  const { network } = headers;
  const isSession = hasType(headers, etherType.pppoeSession);
  headers.pppoes();
  return session === undefined ? isSession : all(isSession, compare(4, network, 0, session, "eq", 0xffff));
}

const genevePort: PortTest = { protocol: "udp", direction: "dst", low: 6081, high: 6081 };

/** A Geneve tunnel here; what is lowered next looks inside it. */
export function insideGeneve(headers: Headers, vni: number | undefined): Condition {
  const { network } = headers;
  const overIpv4 = isGeneve(headers, 4, vni);
  const overIpv6 = isGeneve(headers, 6, vni);
  const registers = headers.geneve();
  return any(
    all(overIpv4, { op: "geneve", version: 4, place: network, registers }),
    all(overIpv6, { op: "geneve", version: 6, place: network, registers }),
  );
}

function isGeneve(headers: Headers, version: 4 | 6, vni: number | undefined): Condition {
  const { network } = headers;
  const inHeader = (size: 1 | 4, offset: number, value: number, mask: number): Condition =>
    version === 4
      ? {
          op: "compare",
          size,
          place: behind(network, offset),
          behindIpv4: network,
          mask,
          comparison: "eq",
          value,
        }
      : compare(size, network, 40 + offset, value, "eq", mask);
  return all(
    version === 4 ? hasPortOverIpv4(headers, genevePort) : hasPortOverIpv6(headers, genevePort),
    inHeader(1, 8, 0, 0xc0),
    vni === undefined ? undefined : inHeader(4, 12, vni * 0x100, 0xffffff00),
  );
}
