import type { FilterNode } from "@stenogrpc/query";
import type { BlockMemory } from "./block-reader.js";
import type { PacketSpan } from "./coverage.js";
import type { Damage } from "./damage.js";
import type { FileSpan, FilesQuery } from "./files-reader.js";
import type { StoredFile } from "./list-files.js";

/** A filter without nesting, since deep ones can't be sent: operands before their operators. */
export type FlatFilter = readonly (Exclude<FilterNode, { left: FilterNode }> | "and" | "or")[];

/** What the reader thread is asked for. */
export type NewQuestion =
  | {
      readonly ask: "packets";
      readonly query: Omit<FilesQuery, "filter">;
      readonly filter: FlatFilter | undefined;
    }
  | { readonly ask: "spans" | "bytes"; readonly files: readonly StoredFile[] };

/** What it is told: every question has a number of its own. */
export type Question = { readonly id: number } & (
  | NewQuestion
  /** A batch was used: its memory goes back. */
  | { readonly ask: "more"; readonly memory: BlockMemory }
  /** So many notices were heard. */
  | { readonly ask: "heard"; readonly notices: number }
  | { readonly ask: "stop" }
  /** Stops everything, and ends the thread. */
  | { readonly ask: "close" }
);

/** What was found on the way; files are named by their place in the query. */
export type Notice =
  | { readonly on: "damage"; readonly damage: Damage }
  | { readonly on: "lost"; readonly fromUs: number; readonly toUs: number }
  | { readonly on: "unfinished"; readonly file: number; readonly packets: PacketSpan | undefined }
  | { readonly on: "gone"; readonly file: number };

/** What it answers. */
export type Answer = { readonly id: number } & (
  | { readonly is: "notices"; readonly notices: readonly Notice[] }
  | { readonly is: "batch"; readonly memory: BlockMemory; readonly count: number }
  | { readonly is: "end" }
  | { readonly is: "spans"; readonly spans: FileSpan[] }
  | { readonly is: "bytes"; readonly bytes: number }
  /** `code` is the system's, which an error does not take along. */
  | { readonly is: "failed"; readonly error: unknown; readonly code: unknown }
);

/** What changes hands with a message. */
export function buffersOf(lent: BlockMemory | undefined): ArrayBuffer[] {
  return lent === undefined ? [] : [lent.bytes.buffer, lent.offsets.buffer];
}

export function flatten(filter: FilterNode): FlatFilter {
  const flat: FlatFilter[number][] = [];
  const pending: FilterNode[] = [filter];
  // Operators first and right before left, which is the wanted order backwards.
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if ("left" in node) {
      flat.push(node.kind);
      pending.push(node.left, node.right);
    } else flat.push(node);
  }
  return flat.reverse();
}

export function unflatten(flat: FlatFilter): FilterNode {
  const operands: FilterNode[] = [];
  for (const item of flat) {
    if (item === "and" || item === "or") {
      const [right, left] = [operands.pop(), operands.pop()];
      if (left === undefined || right === undefined) throw new TypeError("an operator without its operands");
      operands.push({ kind: item, left, right });
    } else operands.push(item);
  }
  const [filter] = operands;
  if (filter === undefined || operands.length > 1) throw new TypeError("operands without their operator");
  return filter;
}
