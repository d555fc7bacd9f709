import { closeSync, openSync, writeSync } from "node:fs";
import { forEachIndexKey, keyKind } from "./index-keys.js";
import { LeveldbTableWriter } from "./leveldb-table.js";

/** Collects under which keys each packet of a file is found, and writes stenotype's index of it. */
export class IndexFileWriter {
  private readonly positions = new Map<string, PositionList>();

  /** @param position what PacketFileWriter.add gave for it */
  add(frame: Buffer, position: number): void {
    forEachIndexKey(frame, (kind, value) => {
      const key = String.fromCharCode(kind) + value.toString("latin1");
      let list = this.positions.get(key);
      if (list === undefined) {
        list = new PositionList();
        this.positions.set(key, list);
      }
      list.add(position);
    });
  }

  write(path: string): void {
    const file = openSync(path, "wx", 0o600);
    const table = new LeveldbTableWriter((bytes) => writeSync(file, bytes));
    table.add(Buffer.of(keyKind.version), Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])); // major 2, minor 0
    // Latin-1 strings compare as their bytes do.
    for (const key of [...this.positions.keys()].sort((a, b) => (a < b ? -1 : 1))) {
      const list = this.positions.get(key) as PositionList; // it is one of its keys
      table.add(Buffer.from(key, "latin1"), list.toBytes());
    }
    table.end();
    closeSync(file);
  }
}

/** Ascending positions; the last one is not repeated. */
class PositionList {
  private values = new Uint32Array(4);
  private length = 0;

  add(position: number): void {
    if (this.length > 0 && this.values[this.length - 1] === position) return;
    if (this.length === this.values.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = position;
  }

  toBytes(): Buffer {
    const bytes = Buffer.alloc(4 * this.length);
    for (let i = 0; i < this.length; i++) bytes.writeUInt32BE(this.values[i] ?? 0, 4 * i);
    return bytes;
  }
}
