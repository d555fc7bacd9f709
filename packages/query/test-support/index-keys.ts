/**
 * What Stenographer's capture program writes into its index for a frame, worked out the slow and plain way, apart from
 * the code under test: a set of keys such as `proto 6`, `port 80`, `ip 10.0.0.1`, `vlan 5`, `mpls 16`.
 *
 * IPv6 addresses are written as eight full groups.
 */
export function indexKeys(frame: Uint8Array, start: "ethernet" | "ip" | number = "ethernet"): Set<string> {
  return walk(frame, start).keys;
}

/** Whether the frame's first IP header is that of a later IPv4 fragment, whose ports in the index are garbage. */
export function isLaterIpv4Fragment(
  frame: Uint8Array,
  start: "ethernet" | "ip" | number = "ethernet",
): boolean {
  return walk(frame, start).isLaterIpv4Fragment;
}

/**
 * Where the headers that are indexed end early, because the frame does or because an IPv4 header says it is shorter than
 * it can be: in TCP or UDP, before that, or nowhere.
 */
export function brokenHeaders(frame: Uint8Array): "none" | "transport" | "earlier" {
  return walk(frame, "ethernet").broken;
}

interface Walk {
  readonly keys: Set<string>;
  isLaterIpv4Fragment: boolean;
  broken: "none" | "transport" | "earlier";
}

function walk(frame: Uint8Array, start: "ethernet" | "ip" | number): Walk {
  const found: Walk = { keys: new Set(), isLaterIpv4Fragment: false, broken: "none" };
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  try {
    if (start === "ethernet") readEthernet(view, 0, found);
    else if (start === "ip") readIp(view, 0, found);
    else readType(view, 0, start, found);
  } catch (problem) {
    // The frame ended: what has been found by then is in the index.
    if (!(problem instanceof RangeError)) throw problem;
    found.broken = "earlier";
  }
  return found;
}

function need(view: DataView, at: number, length: number): void {
  if (at + length > view.byteLength) throw new RangeError("frame ends");
}

function readEthernet(view: DataView, at: number, found: Walk): void {
  need(view, at, 14);
  const type = view.getUint16(at + 12);
  if (type !== 0) readType(view, at + 14, type, found);
}

function readIp(view: DataView, at: number, found: Walk): void {
  need(view, at, 1);
  const version = view.getUint8(at) >> 4;
  if (version === 4) readIpv4(view, at, found);
  if (version === 6) readIpv6(view, at, found);
}

function readType(view: DataView, at: number, type: number, found: Walk): void {
  if (type === 0x0800) readIpv4(view, at, found);
  else if (type === 0x86dd) readIpv6(view, at, found);
  else if ([0x8100, 0x88a8, 0x9100, 0x9200, 0x9300].includes(type)) {
    need(view, at, 4);
    found.keys.add(`vlan ${view.getUint16(at) % 4096}`);
    readType(view, at + 4, view.getUint16(at + 2), found);
  } else if (type === 0x8847 || type === 0x8848) readMpls(view, at, found);
  // A VLAN tag in front of type 0: the capture program goes on as if an Ethernet header came.
  else if (type === 0) readEthernet(view, at, found);
}

function readMpls(view: DataView, at: number, found: Walk): void {
  need(view, at, 5);
  const entry = view.getUint32(at);
  found.keys.add(`mpls ${Math.floor(entry / 4096)}`);
  if (Math.floor(entry / 256) % 2 === 0) readMpls(view, at + 4, found);
  else if (view.getUint8(at + 4) >> 4 === 0) readEthernet(view, at + 8, found);
  else readIp(view, at + 4, found);
}

function readIpv4(view: DataView, at: number, found: Walk): void {
  need(view, at, 20);
  for (const address of [at + 12, at + 16]) {
    found.keys.add(`ip ${[0, 1, 2, 3].map((i) => view.getUint8(address + i)).join(".")}`);
  }
  found.isLaterIpv4Fragment = view.getUint16(at + 6) % 0x2000 !== 0;
  const headerWords = view.getUint8(at) % 16;
  if (headerWords >= 5) readTransport(view, at + 4 * headerWords, view.getUint8(at + 9), found);
  else found.broken = "earlier";
}

function readIpv6(view: DataView, at: number, found: Walk): void {
  need(view, at, 40);
  for (const address of [at + 8, at + 24]) {
    const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((i) => view.getUint16(address + i));
    found.keys.add(`ip ${groups.map((group) => group.toString(16).padStart(4, "0")).join(":")}`);
  }
  readExtension(view, at + 40, view.getUint8(at + 6), found);
}

function readExtension(view: DataView, at: number, kind: number, found: Walk): void {
  if (kind === 44) need(view, at, 8);
  const isWalkedOver = kind === 44 ? view.getUint16(at + 2) < 8 : [0, 43, 60, 135].includes(kind);
  if (isWalkedOver) {
    need(view, at, 2);
    readExtension(view, at + 8 * (view.getUint8(at + 1) + 1), view.getUint8(at), found);
  } else {
    readTransport(view, at, kind, found);
  }
}

function readTransport(view: DataView, at: number, protocol: number, found: Walk): void {
  found.keys.add(`proto ${protocol}`);
  const size = protocol === 6 ? 20 : protocol === 17 ? 8 : undefined;
  if (size === undefined) return;
  if (at + size > view.byteLength) {
    found.broken = "transport";
    return;
  }
  found.keys.add(`port ${view.getUint16(at)}`);
  found.keys.add(`port ${view.getUint16(at + 2)}`);
}
