import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { fileProblem } from "../io/file-problem.js";
import { UsageError } from "../usage-error.js";

/** A file of settings that has been read and checked. */
export interface LoadedSettings<T> {
  readonly settings: T;
  /** The file, as the user named it. */
  readonly file: string;
  /** Says what is wrong with a setting, by file, line and key. */
  problemAt(path: readonly PropertyKey[], message: string): string;
}

/** Reads a YAML file and checks it. Throws UsageError that names file, line, key, what is wrong and what to do. */
export async function loadYaml<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
): Promise<LoadedSettings<z.output<Schema>>> {
  const lines = new LineCounter();
  const document = parseDocument(await readSettings(file), { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new UsageError(`${file}:${line}:${col}: not YAML: ${broken.message}`);
  }
  const lineOf = (path: readonly PropertyKey[]): string => {
    const key = path.at(-1);
    if (key === undefined) return "";
    const around = path.slice(0, -1);
    const parent = document.getIn(around, true) ?? document.contents;
    const place = isMap(parent)
      ? parent.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key)?.key
      : isSeq(parent)
        ? parent.items[Number(key)]
        : undefined;
    return isNode(place) && place.range ? `:${lines.linePos(place.range[0]).line}` : lineOf(around);
  };
  const problemAt = (path: readonly PropertyKey[], message: string, place = path): string => {
    const key = path.length > 0 ? `${path.map(String).join(".")}: ` : "";
    return `${file}${lineOf(place)}: ${key}${message}`;
  };
  // An empty file is a mapping without keys: its missing keys are what the user needs to hear about.
  const checked = schema.safeParse(document.toJS() ?? {});
  if (checked.success) return { settings: checked.data, file, problemAt };

  const problems = checked.error.issues.map((issue) => {
    // An unknown key is a problem of the mapping it stands in; the reader wants the line of the key.
    const place = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
    return problemAt(issue.path, issue.message, place);
  });
  throw new UsageError(problems.join("\n"));
}

/** Reads a file that a key of a settings file names. Paths are relative to the settings file's folder. */
export async function readNamedFile(
  loaded: LoadedSettings<unknown>,
  key: string,
  path: string,
): Promise<string> {
  const full = besideFile(loaded, path);
  try {
    return await readFile(full, "utf8");
  } catch (cause) {
    throw new UsageError(`${loaded.file}: ${key}: cannot read ${full}: ${fileProblem(cause)}`, { cause });
  }
}

/** A path of a settings file, relative to that file's folder. */
export function besideFile(loaded: LoadedSettings<unknown>, path: string): string {
  return resolve(dirname(loaded.file), path);
}

async function readSettings(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new UsageError(`${file}: cannot read the settings: ${fileProblem(cause)}`, { cause });
  }
}
