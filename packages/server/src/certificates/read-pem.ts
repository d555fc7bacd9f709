import { readFileSync } from "node:fs";
import { isPemText, OptionsError } from "@stenogrpc/options";
import { errnoOf } from "../errno.js";

/** PEM: as bytes, as text, which has "-----BEGIN " or a line break in it, or as the path of a file that holds it. */
export type PemInput = string | Uint8Array;

/**
 * The text of PEM, from its file where that was named.
 *
 * @throws OptionsError that names the option, and nothing of what was given: text that is no path may be a key
 */
export function readPem(option: string, input: PemInput): string {
  if (typeof input !== "string") return textOf(input);
  if (isPemText(input)) return input;
  try {
    return textOf(readFileSync(input));
  } catch (error) {
    const code = errnoOf(error) ?? "unknown error";
    throw pemProblem(
      option,
      `is text without "-----BEGIN", so the path of a file, which can't be read (${code})`,
    );
  }
}

/** What an option of certificates has against it. */
export function pemProblem(option: string, message: string): OptionsError {
  return new OptionsError(`tls.${option}: ${message}`, [{ path: ["tls", option], message }]);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"); // PEM is ASCII
}
