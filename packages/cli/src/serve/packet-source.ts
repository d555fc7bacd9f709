import { OptionsError } from "@stenogrpc/options";
import {
  directorySource,
  type Logger,
  type PacketSource,
  stenographerFilesSource,
  stenographerSource,
  stenoreadSource,
} from "@stenogrpc/server";
import { besideFile, type LoadedSettings } from "../settings/load-yaml.js";
import type { ServerSettings } from "../settings/server-settings.js";
import { settingsError } from "../settings/settings-error.js";

/** The source that the settings name. Throws UsageError. */
export function packetSource(loaded: LoadedSettings<ServerSettings>, logger: Logger): PacketSource {
  try {
    return createSource(loaded, logger);
  } catch (error) {
    throw error instanceof OptionsError ? settingsError(loaded, error, ["source"]) : error;
  }
}

function createSource(loaded: LoadedSettings<ServerSettings>, logger: Logger): PacketSource {
  const { source } = loaded.settings;
  const beside = (path: string | undefined) => (path === undefined ? undefined : besideFile(loaded, path));
  switch (source.kind) {
    case "stenoread": {
      const { command } = source;
      // Without a slash it is looked for in PATH, as a shell would.
      return stenoreadSource({
        command: command?.includes("/") ? beside(command) : command,
        config: beside(source.config),
      });
    }
    case "stenographer":
      return stenographerSource({
        config: beside(source.config),
        host: source.host,
        port: source.port,
        ca: beside(source.root_certificate),
        cert: beside(source.certificate_chain),
        key: beside(source.private_key),
        expectedName: source.expected_name,
        fingerprint256: source.fingerprint256,
        verify: source.verify,
      });
    case "stenographer-files":
      return stenographerFilesSource({
        config: beside(source.config),
        threads: source.threads?.map(({ packets, index }) => ({
          packetsDirectory: besideFile(loaded, packets),
          indexDirectory: besideFile(loaded, index),
        })),
        fileAgeSeconds: source.file_age_seconds,
        blockAgeSeconds: source.block_age_seconds,
        readUnfinished: source.read_unfinished,
      });
    case "directory":
      return directorySource({
        path: besideFile(loaded, source.path),
        pattern: source.pattern,
        trustFileTimes: source.trust_file_times,
        remember: beside(source.remember),
        maxOpenFiles: source.max_open_files,
        logger,
      });
  }
}
