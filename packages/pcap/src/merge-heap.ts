import type { Head } from "./merge-head.js";

/** Inputs of a merge by their next record, the earliest one first; a step costs the logarithm of how many there are. */
export class MergeHeap<Entry extends Head> {
  /** A binary heap: each goes before those at twice its place plus one and plus two. */
  private readonly heads: Entry[] = [];

  get first(): Entry | undefined {
    return this.heads[0];
  }

  get second(): Entry | undefined {
    const [, left, right] = this.heads;
    return left !== undefined && right !== undefined && goesBefore(right, left) ? right : left;
  }

  add(head: Entry): void {
    const { heads } = this;
    let place = heads.length;
    while (place > 0) {
      const parentPlace = (place - 1) >> 1;
      const parent = heads[parentPlace] as Entry; // a place below the length
      if (!goesBefore(head, parent)) break;
      heads[place] = parent;
      place = parentPlace;
    }
    heads[place] = head;
  }

  /** Puts the first one where it belongs after it has moved on. */
  settleFirst(): void {
    const head = this.heads[0];
    if (head !== undefined) this.sink(head);
  }

  removeFirst(): void {
    const last = this.heads.pop();
    if (last !== undefined && this.heads.length > 0) this.sink(last);
  }

  /** Lets a head take the first place, and sink from there. */
  private sink(head: Entry): void {
    const { heads } = this;
    let place = 0;
    while (true) {
      let childPlace = 2 * place + 1;
      let child = heads[childPlace];
      if (child === undefined) break;
      const right = heads[childPlace + 1];
      if (right !== undefined && goesBefore(right, child)) {
        child = right;
        childPlace++;
      }
      if (!goesBefore(child, head)) break;
      heads[place] = child;
      place = childPlace;
    }
    heads[place] = head;
  }
}

function goesBefore(a: Head, b: Head): boolean {
  if (a.seconds !== b.seconds) return a.seconds < b.seconds;
  if (a.nanoseconds !== b.nanoseconds) return a.nanoseconds < b.nanoseconds;
  return a.index < b.index;
}
