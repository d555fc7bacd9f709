import { sameType, strictOptions } from "@stenogrpc/options";
import * as z from "zod";
import type { AuditSink } from "./audit-record.js";

const MiB = 1024 * 1024;

/** An audit log in a file. */
export interface AuditFileOptions {
  /** Path of the log. Its folder must be there. */
  file: string;
  /** Bytes from which on a file is full, and the next one begins. Default: 100 MiB. */
  maxBytes?: number | undefined;
  /** How many full files are kept. Default: all. */
  keep?: number | undefined;
  /** What becomes of a request that can't be written down: it fails, or it goes on and the server's log says so. Default: "refuse". */
  onFailure?: "refuse" | "continue" | undefined;
}

/** Where requests are written down: a file with `file`, `maxBytes`, `keep`, `onFailure`, or an object with `write(record)`. */
export type AuditOptions = AuditSink | AuditFileOptions;

const fileOptions = strictOptions({
  file: z.string().min(1),
  maxBytes: z
    .int()
    .min(1024)
    .default(100 * MiB),
  keep: z.int().min(1).optional(),
  onFailure: z.enum(["refuse", "continue"]).default("refuse"),
});

/** A file, or a sink of the embedder's. */
export const auditSchema = z.union([z.custom<AuditSink>(isSink), fileOptions], {
  // A union says no more than that nothing fits; what is wrong with a file's options is worth knowing.
  error: ({ input }) => fileProblems(input),
});
sameType<AuditOptions, z.input<typeof auditSchema>>(true);

/** The same with its defaults. */
export type AuditSetup = z.output<typeof auditSchema>;

/** Whether it is a sink rather than a file. */
export function isSink(setup: unknown): setup is AuditSink {
  return typeof setup === "object" && setup !== null && "write" in setup && typeof setup.write === "function";
}

function fileProblems(input: unknown): string {
  const problems = fileOptions.safeParse(input).error?.issues ?? [];
  return problems.map(({ path, message }) => [...path, message].join(": ")).join("; ");
}
