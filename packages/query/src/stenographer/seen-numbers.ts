/**
 * Which of the wanted numbers have come up in the present frame: `begin` forgets them all without touching memory.
 *
 * Each wanted number has a slot, so that a test costs the same whatever a frame brings.
 */
export class SeenNumbers {
  private readonly slots = new Map<number, number>();
  private stamps = new Uint32Array(0);
  private frame = 0;

  /** The slot of a wanted number, to ask `has` with. */
  slotOf(wanted: number): number {
    const known = this.slots.get(wanted);
    if (known !== undefined) return known;
    const slot = this.slots.size;
    this.slots.set(wanted, slot);
    if (slot >= this.stamps.length) {
      const larger = new Uint32Array(2 * slot + 4);
      larger.set(this.stamps);
      this.stamps = larger;
    }
    return slot;
  }

  /** Begins the next frame. */
  begin(): void {
    this.frame = (this.frame + 1) >>> 0;
    // After 2^32 frames old stamps would look new.
    if (this.frame === 0) {
      this.stamps.fill(0);
      this.frame = 1;
    }
  }

  note(value: number): void {
    const slot = this.slots.get(value);
    if (slot !== undefined) this.stamps[slot] = this.frame;
  }

  has(slot: number): boolean {
    return this.stamps[slot] === this.frame;
  }
}
