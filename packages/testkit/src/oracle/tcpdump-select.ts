import type { TimeWindow } from "@stenogrpc/pcap";
import { debianProgram } from "../process/debian-program.js";
import { run } from "../process/program.js";
import { type FilterTree, readFilter } from "./filter-terms.js";
import { type PlainPacket, readPcap } from "./read-pcap.js";
import { tcpdumpFilters } from "./tcpdump-filters.js";

/** What tcpdump has found in a file so far. */
interface Searched {
  readonly packets: readonly PlainPacket[];
  /** Term of a filter -> for each packet, 1 if it has it. */
  readonly terms: Map<string, Uint8Array>;
}

const files = new Map<string, Searched>();

/**
 * The packets of a capture file that match a filter of Stenographer's language and lie in a window, by tcpdump.
 *
 * tcpdump finds each term of the filter; `and`, `or` and the exact window are applied here, by the reader that knows
 * nothing of our code. Results are kept: a file must not change between two calls.
 *
 * @param filter undefined: every packet
 * @param window undefined: at any time
 */
export function tcpdumpSelect(
  pcapPath: string,
  filter: string | undefined,
  window?: TimeWindow,
): PlainPacket[] {
  const searched = search(pcapPath);
  const matches = filter === undefined ? undefined : evaluate(pcapPath, searched, readFilter(filter));
  return searched.packets.filter(
    ({ timestampNs }, i) =>
      (matches === undefined || matches[i] === 1) &&
      (window === undefined || (timestampNs >= window.startNs && timestampNs < window.endNs)),
  );
}

function search(pcapPath: string): Searched {
  let searched = files.get(pcapPath);
  if (searched === undefined) {
    searched = { packets: runTcpdump(pcapPath, undefined), terms: new Map() };
    files.set(pcapPath, searched);
  }
  return searched;
}

function evaluate(pcapPath: string, searched: Searched, tree: FilterTree): Uint8Array {
  if (tree.kind === "term") return searchTerm(pcapPath, searched, tree.name, tree.value);
  const left = evaluate(pcapPath, searched, tree.left);
  const right = evaluate(pcapPath, searched, tree.right);
  return left.map((bit, i) => (tree.kind === "and" ? bit & (right[i] ?? 0) : bit | (right[i] ?? 0)));
}

function searchTerm(pcapPath: string, searched: Searched, name: string, value: string): Uint8Array {
  const key = `${name} ${value}`;
  const known = searched.terms.get(key);
  if (known !== undefined) return known;
  const { packets } = searched;
  const found = new Uint8Array(packets.length);
  if (name === "before" || name === "after") {
    const timeNs = BigInt(Date.parse(value)) * 1_000_000n;
    for (const [i, { timestampNs }] of packets.entries()) {
      found[i] = Number(name === "before" ? timestampNs < timeNs : timestampNs >= timeNs);
    }
  } else {
    for (const filter of tcpdumpFilters(name, value)) mark(found, packets, runTcpdump(pcapPath, filter));
  }
  searched.terms.set(key, found);
  return found;
}

/** Marks the packets of `some`, which is a part of `all` in the same order. */
function mark(found: Uint8Array, all: readonly PlainPacket[], some: readonly PlainPacket[]): void {
  let next = 0;
  for (const [i, packet] of all.entries()) {
    const wanted = some[next];
    if (wanted === undefined) return;
    if (packet.timestampNs !== wanted.timestampNs || !packet.data.equals(wanted.data)) continue;
    found[i] = 1;
    next++;
  }
  if (next !== some.length) throw new Error(`tcpdump gave ${some.length} packets, ${next} are in the file`);
}

function runTcpdump(pcapPath: string, filter: string | undefined): PlainPacket[] {
  const args = ["--time-stamp-precision=nano", "-n", "-r", pcapPath, "-w", "-"];
  return readPcap(run(debianProgram("tcpdump"), filter === undefined ? args : [...args, filter]));
}
