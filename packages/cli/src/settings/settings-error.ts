import type { OptionsError } from "@stenogrpc/options";
import { UsageError } from "../usage-error.js";
import type { LoadedSettings } from "./load-yaml.js";

/** Options whose setting has another name altogether. */
const otherNames: Readonly<Record<string, string>> = {
  ca: "root_certificate",
  cert: "certificate_chain",
  key: "private_key",
  packetsDirectory: "packets",
  indexDirectory: "index",
};

/** What options that were made of settings have against them, by file, line and the settings' names. `under` is where they stand. */
export function settingsError(
  loaded: LoadedSettings<unknown>,
  error: OptionsError,
  under: readonly PropertyKey[] = [],
): UsageError {
  const problems = error.problems.map(({ path, message }) => {
    const unit = String(path.at(-1)).endsWith("Ms") ? ", in milliseconds" : "";
    return loaded.problemAt(settingOf([...under, ...path]), `${inSettings(message)}${unit}`);
  });
  return new UsageError(problems.join("\n") || `${loaded.file}: ${error.message}`, { cause: error });
}

function settingOf(path: readonly PropertyKey[]): PropertyKey[] {
  const [first, second] = path;
  if (first === "tls") return path.slice(1, 2).map(nameOf);
  if (first === "limits" && second === "concurrency") return ["workers"];
  // What a role is called is the user's.
  return path.map((key, i) => (path[i - 1] === "roles" ? key : nameOf(key)));
}

function nameOf(key: PropertyKey): PropertyKey {
  return typeof key === "string" ? (otherNames[key] ?? snakeCase(key)) : key;
}

function snakeCase(option: string): string {
  return option.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A message with the options that it names as settings; what stands in quotes is the user's. */
function inSettings(message: string): string {
  return message.replace(/"[^"]*"|\b[a-z]+(?:[A-Z][a-z]*)+\b/g, (word) =>
    word.startsWith('"') ? word : snakeCase(word),
  );
}
