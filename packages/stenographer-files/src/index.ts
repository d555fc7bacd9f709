export type { Coverage, CoverageGap, GapReason } from "./coverage.js";
export type { Damage } from "./damage.js";
export { DamageError } from "./damage.js";
export type { FileAccess, OpenFile } from "./file-access.js";
export { IndexFile, type Postings } from "./index-file.js";
export type { ThreadFolders } from "./list-files.js";
export { type BlockEntry, BlockTable, PacketFile } from "./packet-file.js";
export type { PromiseOrValue } from "./steps.js";
export {
  StenographerStore,
  type StoreAnswer,
  type StoreEstimate,
  type StoreOptions,
  type StoreQuery,
} from "./store.js";
export type { TableContents } from "./table-contents.js";
