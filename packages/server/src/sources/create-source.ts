import { parseOptions } from "@stenogrpc/options";
import * as z from "zod";
import type { Logger } from "../logger.js";
import { type directoryOptionsSchema, directorySource } from "./directory/directory-source.js";
import type { PacketSource } from "./packet-source.js";
import type { stenographerOptionsSchema } from "./stenographer/stenographer-options.js";
import { stenographerSource } from "./stenographer/stenographer-source.js";
import {
  type stenographerFilesOptionsSchema,
  stenographerFilesSource,
} from "./stenographer-files/stenographer-files-source.js";
import { type stenoreadOptionsSchema, stenoreadSource } from "./stenoread/stenoread-source.js";

const sourceConfigSchema = z.looseObject({
  kind: z.enum(
    ["stenoread", "stenographer", "stenographer-files", "directory"],
    'must be "stenoread", "stenographer", "stenographer-files" or "directory"',
  ),
});

/** A source as configuration: its kind, and the options of that kind. */
export type SourceConfig =
  | ({ readonly kind: "stenoread" } & z.input<typeof stenoreadOptionsSchema>)
  | ({ readonly kind: "stenographer" } & z.input<typeof stenographerOptionsSchema>)
  | ({ readonly kind: "stenographer-files" } & z.input<typeof stenographerFilesOptionsSchema>)
  | ({ readonly kind: "directory" } & z.input<typeof directoryOptionsSchema>);

/**
 * Makes a source from its configuration.
 *
 * @throws OptionsError
 */
export function createSource(config: SourceConfig, { logger }: { logger?: Logger } = {}): PacketSource {
  const { kind, ...options } = parseOptions("source", sourceConfigSchema, config);
  switch (kind) {
    case "stenoread":
      return stenoreadSource(options);
    case "stenographer":
      return stenographerSource(options);
    case "stenographer-files":
      return stenographerFilesSource(options);
    case "directory":
      return directorySource({ ...(options as { path: string }), logger }); // checked by the source itself
  }
}
