import { type RecordBatch, recordHeaderBytes } from "@stenogrpc/pcap";
import type { BlockMemory } from "./block-reader.js";

/** Records of batches of few, one behind another in one memory. */
export class GatheredRecords {
  count = 0;
  #filled = 0;

  constructor(readonly memory: BlockMemory) {}

  /** Copies the records of a batch behind those that are here. False: they find no room, and none was. */
  add({ bytes, offsets, count }: RecordBatch): boolean {
    const { memory } = this;
    if (this.count + count > memory.offsets.length) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let filled = this.#filled;
    for (let i = 0; i < count; i++) {
      const at = offsets[i] as number; // i < count
      const end = at + recordHeaderBytes + view.getUint32(at + 8, true);
      if (filled + end - at > memory.bytes.length) return false;
      memory.bytes.set(bytes.subarray(at, end), filled);
      memory.offsets[this.count + i] = filled;
      filled += end - at;
    }
    this.#filled = filled;
    this.count += count;
    return true;
  }
}
