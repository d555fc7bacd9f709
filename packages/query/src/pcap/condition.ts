/**
 * A condition in terms of bytes, as `lower` makes it from a filter for one link type.
 *
 * It is decided from left to right and no further than needed. A load past the captured bytes ends it at once: the
 * packet does not match, whatever stands around the load.
 */
export type Condition =
  | { readonly op: "and" | "or"; readonly left: Condition; readonly right: Condition }
  | { readonly op: "not"; readonly operand: Condition }
  | { readonly op: "constant"; readonly value: boolean }
  | Test;

export type Test = CompareTest | ValueTest | ChainTest | TunnelTest | EthernetTest | TagTest | TimeTest;

/** How two unsigned numbers are compared; `set` is: they have a bit in common. */
export type Comparison = "eq" | "gt" | "ge" | "set";

/** A place in the frame: so many bytes from its start, and what the register says on top of it. */
export interface Place {
  readonly at: number;
  /** -1 for none. */
  readonly register: number;
}

/** A number loaded from the frame, masked, compared with a constant. */
export interface CompareTest {
  readonly op: "compare";
  readonly size: 1 | 2 | 4;
  readonly place: Place;
  /** Where an IPv4 header begins whose length is to be added to the place. */
  readonly behindIpv4?: Place | undefined;
  readonly mask: number;
  readonly comparison: Comparison;
  readonly value: number;
}

/** Two numbers of any kind, compared. */
interface ValueTest {
  readonly op: "values";
  readonly left: Value;
  readonly right: Value;
  readonly comparison: Exclude<Comparison, "set">;
}

/** A protocol in the chain of headers of an IP packet. */
export interface ChainTest {
  readonly op: "chain";
  readonly version: 4 | 6;
  readonly number: number;
  readonly place: Place;
}

/** Always true; notes where the headers inside a Geneve tunnel are. */
export interface TunnelTest {
  readonly op: "geneve";
  /** Of the outer IP header. */
  readonly place: Place;
  readonly version: 4 | 6;
  readonly registers: {
    readonly linkType: number;
    readonly linkHeader: number;
    readonly payload: number;
    /** Where the VLAN tags inside begin, if they are to be skipped too. */
    readonly tags?: number | undefined;
  };
}

/** The two registers differ: there is an Ethernet header inside the tunnel. */
interface EthernetTest {
  readonly op: "ethernet-inside";
  readonly first: number;
  readonly second: number;
}

/** A VLAN tag among those that were skipped. */
export interface TagTest {
  readonly op: "vlan-tag";
  /** -1 is any. */
  readonly id: number;
  readonly tags: TagPlaces;
}

/** Where the first VLAN tag is, and what stands behind the last one; the same place if there is none. */
export interface TagPlaces {
  readonly first: Place;
  readonly end: Place;
}

/** The packet's time is this or later. */
interface TimeTest {
  readonly op: "time";
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A number worked out for each packet. */
export type Value =
  | { readonly op: "constant"; readonly value: number }
  | { readonly op: "length" }
  | {
      readonly op: "load";
      readonly size: 1 | 2 | 4;
      readonly place: Place;
      readonly behindIpv4?: Place | undefined;
      readonly index: Value;
    }
  | { readonly op: "negative"; readonly operand: Value }
  | {
      readonly op: "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>";
      readonly left: Value;
      readonly right: Value;
    };

/** All of them, in this order. */
export function all(first: Condition, ...rest: readonly (Condition | undefined)[]): Condition {
  return joined("and", first, rest);
}

/** Any of them, tried in this order. */
export function any(first: Condition, ...rest: readonly (Condition | undefined)[]): Condition {
  return joined("or", first, rest);
}

function joined(op: "and" | "or", first: Condition, rest: readonly (Condition | undefined)[]): Condition {
  let condition = first;
  for (const next of rest) if (next !== undefined) condition = { op, left: condition, right: next };
  return condition;
}

export function not(operand: Condition): Condition {
  return { op: "not", operand };
}

export function constant(value: boolean): Condition {
  return { op: "constant", value };
}

/** A number so many bytes behind a place, compared with a constant. */
export function compare(
  size: 1 | 2 | 4,
  place: Place,
  offset: number,
  value: number,
  comparison: Comparison = "eq",
  mask = 0xffffffff,
): Condition {
  return { op: "compare", size, place: behind(place, offset), mask, comparison, value };
}

/** The bytes at a place, an even number of them; longest pieces from behind, as libpcap compares them. */
export function compareBytes(place: Place, wanted: readonly number[]): Condition {
  const at = (index: number) => wanted[index] ?? 0;
  let left = wanted.length;
  let condition: Condition | undefined;
  const add = (next: Condition) => {
    condition = condition === undefined ? next : all(condition, next);
  };
  for (; left >= 4; left -= 4) {
    const i = left - 4;
    const value = at(i) * 0x1000000 + ((at(i + 1) << 16) | (at(i + 2) << 8) | at(i + 3));
    add(compare(4, place, i, value));
  }
  for (; left >= 2; left -= 2) add(compare(2, place, left - 2, (at(left - 2) << 8) | at(left - 1)));
  return condition ?? constant(true);
}

/** So many bytes further on. */
export function behind({ at, register }: Place, offset: number): Place {
  return { at: at + offset, register };
}
