import { CaptureError } from "./capture-error.js";
import { type CaptureHeader, sameRecordFormat } from "./capture-header.js";
import { derive } from "./derive.js";
import { linkTypeName } from "./link-type.js";
import { type BatchStage, nanosecondsPerUnit, type RecordBatch, viewOf } from "./record-batch.js";

export interface ConformOptions {
  /** The batches' bytes are no one else's: records may be rewritten where they are, without a copy. Default false. */
  readonly inPlace?: boolean | undefined;
}

/**
 * Brings records into the byte order and resolution of `header`; what is so already passes uncopied.
 *
 * The one place where records are rewritten. Nanoseconds become microseconds by cutting off. Throws a CaptureError "mixed-link-types"
 * for records of another link type: packets cannot be converted.
 */
export function conformTo(header: CaptureHeader, { inPlace = false }: ConformOptions = {}): BatchStage {
  return (batches) =>
    derive(batches, async function* (upstream) {
      const converter = new RecordConverter(header, inPlace);
      for await (const batch of upstream) {
        if (batch.header.linkType !== header.linkType)
          throw new CaptureError(
            "mixed-link-types",
            0,
            `packets of ${linkTypeName(batch.header.linkType)} cannot go into a capture of ${linkTypeName(header.linkType)}`,
          );
        yield sameRecordFormat(batch.header, header) ? batch : converter.convert(batch);
      }
    });
}

class RecordConverter {
  /** Reused from batch to batch: what is yielded lives until the next pull. */
  private buffer = new Uint8Array(0);

  constructor(
    private readonly header: CaptureHeader,
    private readonly inPlace: boolean,
  ) {}

  convert(batch: RecordBatch): RecordBatch {
    const { header } = this;
    const { offsets, count } = batch;
    const bytes = this.inPlace ? batch.bytes : this.copy(batch.bytes);
    const view = viewOf(bytes);
    const fromLittle = batch.header.byteOrder === "little";
    const toLittle = header.byteOrder === "little";
    const fromUnit = nanosecondsPerUnit(batch.header);
    const toUnit = nanosecondsPerUnit(header);
    for (let i = 0; i < count; i++) {
      const offset = offsets[i] as number; // i < count
      const fraction = Math.floor((view.getUint32(offset + 4, fromLittle) * fromUnit) / toUnit);
      view.setUint32(offset, view.getUint32(offset, fromLittle), toLittle);
      view.setUint32(offset + 4, fraction, toLittle);
      view.setUint32(offset + 8, view.getUint32(offset + 8, fromLittle), toLittle);
      view.setUint32(offset + 12, view.getUint32(offset + 12, fromLittle), toLittle);
    }
    return { header, bytes, offsets, count };
  }

  /** All at once, and the record headers over it: no view per packet. */
  private copy(bytes: Uint8Array): Uint8Array {
    if (this.buffer.length < bytes.length) this.buffer = new Uint8Array(bytes.length);
    this.buffer.set(bytes);
    return this.buffer;
  }
}
