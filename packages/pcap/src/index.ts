export type { CutTail, DecodeOptions } from "./capture-decoder.js";
export { CaptureError, type CaptureErrorKind } from "./capture-error.js";
export type { ByteOrder, CaptureHeader, TimestampResolution } from "./capture-header.js";
export { type ChunkRun, chunkRuns } from "./chunk-runs.js";
export { chunked } from "./chunked.js";
export { decodeCapture } from "./decode-capture.js";
export { type Limits, type LimitVerdict, limit, type StoppedBy } from "./limit.js";
export { LinkType, linkTypeName } from "./link-type.js";
export { type FramePredicate, type MatchCounts, match, type NearMisses } from "./match.js";
export { type MergeInput, mergeByTime } from "./merge-by-time.js";
export { type PacketToWrite, PcapWriter } from "./pcap-writer.js";
export { type PcapngOptions, type PcapngPacketToWrite, PcapngWriter } from "./pcapng-writer.js";
export { pipe } from "./pipe.js";
export type { BatchStage, Capture, RecordBatch } from "./record-batch.js";
export { type PacketRecord, records } from "./records.js";
export { type KeptLength, slice } from "./slice.js";
export { createTally, type Tally, tally } from "./tally.js";
export { type TimeWindow, type TimeWindowCounts, timeWindow } from "./time-window.js";
export type { Turns } from "./turns.js";
export { type VerifyOptions, verify } from "./verify.js";

// What our own packages, and whoever writes a source or a stage, need besides.

export { CaptureDecoder } from "./capture-decoder.js";
export {
  captureHeaderBytes,
  encodeCaptureHeader,
  maximumSnaplen,
  parseCaptureHeader,
  recordHeaderBytes,
} from "./capture-header.js";
export { conformTo } from "./conform-to.js";
export { derive } from "./derive.js";
export { type ByteHash, digest } from "./digest.js";
export { RecordCursor } from "./record-batch.js";
export { RecordWalk, type WalkVisitor } from "./record-walk.js";
