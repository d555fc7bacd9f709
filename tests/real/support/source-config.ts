import type {
  DirectoryOptions,
  StenographerFilesOptions,
  StenographerOptions,
  StenoreadOptions,
} from "@stenogrpc/server";

/** A source in a form that goes to another process as JSON: its kind, and the options of that kind. */
export type SourceConfig =
  | ({ readonly kind: "stenoread" } & StenoreadOptions)
  | ({ readonly kind: "stenographer" } & StenographerOptions)
  | ({ readonly kind: "stenographer-files" } & StenographerFilesOptions)
  | ({ readonly kind: "directory" } & Omit<DirectoryOptions, "logger" | "now">);
