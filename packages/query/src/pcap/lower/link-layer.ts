import type { LlcType } from "../ast.js";
import { all, any, type Condition, compare, compareBytes, constant, not } from "../condition.js";
import { FilterMeaningError } from "../meaning-error.js";
import type { Headers } from "./headers.js";
import { etherType, longestLength, sap } from "./numbers.js";

/** Whether the packet is of this Ethernet type or LLC service access point, by the means of the link type. */
export function hasType(headers: Headers, wanted: number): Condition {
  if (headers.isBehindLabel) return hasTypeBehindLabel(headers, wanted);
  switch (headers.link) {
    case "ethernet":
      return hasEthernetType(headers, wanted);
    case "linux-sll":
      return hasCookedType(headers, wanted);
    case "linux-sll2":
      return compare(2, headers.linkType, 0, wanted);
    case "raw":
      if (wanted === etherType.ipv4) return compare(1, headers.linkHeader, 0, 0x40, "eq", 0xf0);
      if (wanted === etherType.ipv6) return compare(1, headers.linkHeader, 0, 0x60, "eq", 0xf0);
      return constant(false);
    case "ipv4":
      return constant(wanted === etherType.ipv4);
    case "ipv6":
      return constant(wanted === etherType.ipv6);
    case "null":
    case "loop":
      if (wanted === etherType.ipv4) return hasFamily(headers, 2);
      if (wanted === etherType.ipv6) {
        // NetBSD, OpenBSD and Npcap; FreeBSD; Darwin.
        return any(hasFamily(headers, 30), any(hasFamily(headers, 24), hasFamily(headers, 28)));
      }
      return constant(false);
    case "ppp":
      return compare(2, headers.linkType, 0, pppProtocol(wanted));
  }
}

function hasTypeBehindLabel({ network }: Headers, wanted: number): Condition {
  const version = wanted === etherType.ipv4 ? 0x40 : wanted === etherType.ipv6 ? 0x60 : undefined;
  if (version === undefined) throw new FilterMeaningError("behind mpls only ip and ip6 can be told apart");
  return all(compare(1, network, -2, 0x01, "eq", 0x01), compare(1, network, 0, version, "eq", 0xf0));
}

function hasEthernetType({ linkType, payload }: Headers, wanted: number): Condition {
  const isLength = not(compare(2, linkType, 0, longestLength, "gt"));
  switch (wanted) {
    case sap.iso:
    case sap.ip:
    case sap.netbeui:
      return all(isLength, compare(2, payload, 0, (wanted << 8) | wanted));
    case sap.ipx:
      return any(
        compare(2, linkType, 0, etherType.ipx),
        all(
          isLength,
          any(
            compareBytes(payload, snap(0, etherType.ipx)),
            any(compare(1, payload, 0, sap.ipx), compare(2, payload, 0, 0xffff)),
          ),
        ),
      );
    case etherType.atalk:
    case etherType.aarp:
      return any(
        compare(2, linkType, 0, wanted),
        all(isLength, compareBytes(payload, snap(organizationOf(wanted), wanted))),
      );
    default:
      return wanted <= longestLength
        ? all(isLength, compare(1, linkType, 2, wanted))
        : compare(2, linkType, 0, wanted);
  }
}

/** Linux writes 4 where an LLC header follows, and 1 for Novell's frames without one. */
function hasCookedType({ linkType, payload }: Headers, wanted: number): Condition {
  const isLlc = compare(2, linkType, 0, 4);
  switch (wanted) {
    case sap.iso:
    case sap.ip:
    case sap.netbeui:
      return all(isLlc, compare(2, payload, 0, (wanted << 8) | wanted));
    case sap.ipx:
      return any(
        compare(2, linkType, 0, etherType.ipx),
        any(
          compare(2, linkType, 0, 1),
          all(isLlc, any(compare(1, payload, 0, sap.ipx), compareBytes(payload, snap(0, etherType.ipx)))),
        ),
      );
    case etherType.atalk:
    case etherType.aarp:
      return any(
        compare(2, linkType, 0, wanted),
        all(isLlc, compareBytes(payload, snap(organizationOf(wanted), wanted))),
      );
    default:
      return wanted <= longestLength
        ? all(isLlc, compare(1, payload, 0, wanted))
        : compare(2, linkType, 0, wanted);
  }
}

/** Apple's for AppleTalk, none for its address resolution. */
function organizationOf(type: typeof etherType.atalk | typeof etherType.aarp): number {
  return type === etherType.atalk ? 0x080007 : 0;
}

/** An LLC header with SNAP, of this organization's protocol. */
function snap(organization: number, protocol: number): readonly number[] {
  return [
    sap.snap,
    sap.snap,
    0x03,
    organization >> 16,
    (organization >> 8) & 255,
    organization & 255,
    protocol >> 8,
    protocol & 255,
  ];
}

/** The address family in front of a BSD loopback packet; of LINKTYPE_NULL in the capturing machine's byte order. */
function hasFamily({ link, linkHeader, byteOrder }: Headers, number: number): Condition {
  const big = compare(4, linkHeader, 0, number);
  if (link === "loop" || byteOrder === "big") return big;
  const little = compare(4, linkHeader, 0, number * 0x1000000);
  return byteOrder === "little" ? little : any(little, big);
}

/** PPP's numbers for what Ethernet and LLC have others for (RFC 1661 and IANA). */
function pppProtocol(wanted: number): number {
  switch (wanted) {
    case etherType.ipv4:
      return 0x0021;
    case etherType.ipv6:
      return 0x0057;
    case etherType.decnet:
      return 0x0027;
    case etherType.atalk:
      return 0x0029;
    case 0x0600: // Xerox NS
      return 0x0025;
    case sap.iso:
      return 0x0023;
    case sap.stp:
      return 0x0031;
    case sap.ipx:
      return 0x002b;
    default:
      return wanted;
  }
}

/** The control field of each type of unnumbered frame. */
const unnumbered: Readonly<Record<Exclude<LlcType, "i" | "s" | "u" | "rr" | "rnr" | "rej">, number>> = {
  ui: 0x03,
  ua: 0x63,
  disc: 0x43,
  dm: 0x0f,
  sabme: 0x6f,
  test: 0xe3,
  xid: 0xaf,
  frmr: 0x87,
};

/** Whether there is an LLC header, of this type if one is given. */
export function isLlc(headers: Headers, type: LlcType | undefined): Condition {
  const { link, linkName, payload } = headers;
  if (link !== "ethernet") throw new FilterMeaningError(`"llc" is not supported for ${linkName} captures`);
  const isAny = all(
    not(compare(2, headers.linkType, 0, longestLength, "gt")),
    not(compare(2, payload, 0, 0xffff)),
  );
  const control = (value: number, mask: number) => all(isAny, compare(1, payload, 2, value, "eq", mask));
  switch (type) {
    case undefined:
      return isAny;
    case "i":
      return all(isAny, not(compare(1, payload, 2, 1, "set")));
    case "s":
      return control(1, 3);
    case "u":
      return control(3, 3);
    case "rr":
      return control(0x01, 0x0f);
    case "rnr":
      return control(0x05, 0x0f);
    case "rej":
      return control(0x09, 0x0f);
    default:
      return control(unnumbered[type], 0xef);
  }
}

/** Which way the packet went. */
export function wentWay({ link, linkName, linkHeader }: Headers, way: "inbound" | "outbound"): Condition {
  const outgoing =
    link === "linux-sll"
      ? compare(2, linkHeader, 0, 4)
      : link === "linux-sll2"
        ? compare(1, linkHeader, 10, 4)
        : undefined;
  if (outgoing === undefined) throw new FilterMeaningError(`${linkName} captures do not tell "${way}"`);
  return way === "outbound" ? outgoing : not(outgoing);
}

/** The number of the interface. */
export function cameByInterface({ link, linkName, linkHeader }: Headers, index: number): Condition {
  if (link !== "linux-sll2") throw new FilterMeaningError(`"ifindex" is not in ${linkName} captures`);
  return compare(4, linkHeader, 4, index);
}
