/**
 * Stenographer's way of answering, in small: it reads canonical queries (those that `printFilter` makes, and only
 * those) by itself and answers from files, whole or by index. Made to be compared with, so it shares no code.
 */

export interface StoredPacket {
  readonly timestampNs: bigint;
  /** As `indexKeys` gives them. */
  readonly keys: ReadonlySet<string>;
}

export interface StoredFile {
  /** When the file was created: its name, in microseconds. */
  readonly nameUs: bigint;
  readonly packets: readonly StoredPacket[];
}

/** The packets a real one would send. */
export function answer(query: string, files: readonly StoredFile[]): Set<StoredPacket> {
  const tree = read(query);
  return new Set(files.flatMap((file) => file.packets.filter((packet) => selects(tree, file, packet))));
}

type Tree =
  | { kind: "and" | "or"; left: Tree; right: Tree }
  | { kind: "key"; has: (keys: ReadonlySet<string>) => boolean }
  | { kind: "file"; has: (nameNs: bigint) => boolean };

function selects(tree: Tree, file: StoredFile, packet: StoredPacket): boolean {
  switch (tree.kind) {
    case "and":
      return selects(tree.left, file, packet) && selects(tree.right, file, packet);
    case "or":
      return selects(tree.left, file, packet) || selects(tree.right, file, packet);
    case "key":
      return tree.has(packet.keys);
    case "file":
      return tree.has(file.nameUs * 1000n);
  }
}

function read(query: string): Tree {
  let rest = query;
  const take = (pattern: RegExp): string[] | undefined => {
    const match = pattern.exec(rest);
    if (match === null || match.index !== 0) return undefined;
    rest = rest.slice(match[0].length);
    return [...match];
  };
  const expression = (): Tree => {
    if (take(/\(/) === undefined) return leaf(take);
    const left = expression();
    const kind = take(/ (and|or) /)?.[1];
    if (kind !== "and" && kind !== "or") throw new Error(`not canonical before "${rest}"`);
    const right = expression();
    if (take(/\)/) === undefined) throw new Error(`not canonical before "${rest}"`);
    return { kind, left, right };
  };
  const tree = expression();
  if (rest !== "") throw new Error(`left over: "${rest}"`);
  return tree;
}

const minuteNs = 60_000_000_000n;
const numbers: Record<string, string> = { tcp: "proto 6", udp: "proto 17", icmp: "proto 1" };

function leaf(take: (pattern: RegExp) => string[] | undefined): Tree {
  const name = take(/tcp|udp|icmp/)?.[0];
  if (name !== undefined) return { kind: "key", has: (keys) => keys.has(numbers[name] ?? "") };
  const number = take(/(port|vlan|mpls|ip proto) ([0-9]+)/);
  if (number !== undefined) {
    const key = `${number[1]?.replace("ip ", "")} ${number[2]}`;
    return { kind: "key", has: (keys) => keys.has(key) };
  }
  const address = take(/(?:host|net) ([0-9a-f:.]+)(?:\/([0-9]+))?/);
  if (address !== undefined) {
    const wanted = bitsOf(address[1] ?? "");
    const length = address[2] === undefined ? wanted.length : Number(address[2]);
    const has = (key: string) => {
      if (!key.startsWith("ip ")) return false;
      const bits = bitsOf(key.slice(3));
      return bits.length === wanted.length && bits.slice(0, length) === wanted.slice(0, length);
    };
    return { kind: "key", has: (keys) => [...keys].some(has) };
  }
  const time = take(/(after|before) ([0-9-]{10}T[0-9:]{8}(?:\.[0-9]+)?Z)/);
  if (time === undefined) throw new Error("not a canonical primitive");
  const ns = nanosecondsOf(time[2] ?? "");
  const has =
    time[1] === "after" ? (name: bigint) => name >= ns - minuteNs : (name: bigint) => name <= ns + minuteNs;
  return { kind: "file", has };
}

function nanosecondsOf(text: string): bigint {
  const fraction = /\.([0-9]+)Z$/.exec(text)?.[1] ?? "";
  const whole = new Date(`${text.slice(0, 19)}Z`).getTime();
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** The address as a string of 32 or 128 binary digits. */
export function bitsOf(address: string): string {
  if (address.includes("."))
    return address
      .split(".")
      .map((part) => binary(Number(part), 8))
      .join("");
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const missing = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail ?? "")];
  return all.map((group) => binary(Number.parseInt(group, 16), 16)).join("");
}

function binary(value: number, width: number): string {
  return value.toString(2).padStart(width, "0");
}
