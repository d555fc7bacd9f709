import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onExit } from "@stenogrpc/testkit";
import ts from "typescript";

const root = join(import.meta.dirname, "../../..");

/**
 * What a script of this folder runs on: the packages' sources, or what users get, without a loader that needs memory
 * of its own.
 */
export type RunsOn = "sources" | "dist";

/** A script of this folder that runs, and prints lines of JSON. */
export interface Script {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Everything it has printed so far. */
  readonly lines: readonly Record<string, unknown>[];
  /** Resolves with the first line that has a key, also one printed before. */
  lineWith(key: string): Promise<Record<string, unknown>>;
  /** Ends it, politely and then not, and waits. */
  stop(): Promise<void>;
}

/** Starts a script. Its stderr is the test's; it ends with the test. */
export function startScript(
  name: string,
  settings: object,
  runsOn: RunsOn,
  env?: Record<string, string>,
): Script {
  const child = spawn(process.execPath, [...entry(name, runsOn), JSON.stringify(settings)], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} could not be started`);
  const forget = onExit(() => child.kill("SIGKILL"));
  const exited = once(child, "exit").then(forget);
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const each of waiting) each();
  };
  createInterface({ input: child.stdout })
    .on("line", (line) => {
      lines.push(JSON.parse(line));
      wake();
    })
    .on("close", wake);

  return {
    pid,
    process: child,
    lines,
    async lineWith(key) {
      for (;;) {
        const line = lines.find((each) => key in each);
        if (line) return line;
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`${name} ended without "${key}": ${JSON.stringify(lines)}`);
        }
        await new Promise<void>((resolve) => {
          const done = (): void => {
            waiting.delete(done);
            resolve();
          };
          waiting.add(done);
          void exited.then(done);
        });
      }
    },
    async stop() {
      child.kill("SIGTERM");
      const escalation = setTimeout(() => child.kill("SIGKILL"), 3000);
      await exited;
      clearTimeout(escalation);
    },
  };
}

function entry(name: string, runsOn: RunsOn): string[] {
  const path = join(import.meta.dirname, `${name}.ts`);
  if (runsOn === "sources") return ["--conditions=@stenogrpc/source", "--import", "tsx", path];
  return [transpile(name, path)];
}

/** Below node_modules, so that the packages resolve from there as they do for a user. */
function transpile(name: string, path: string): string {
  const folder = join(root, "node_modules/.cache/stenogrpc-real");
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `${name}.mjs`);
  const compilerOptions = {
    module: ts.ModuleKind.ES2022,
    target: ts.ScriptTarget.ES2023,
    verbatimModuleSyntax: true,
  };
  writeFileSync(output, ts.transpileModule(readFileSync(path, "utf8"), { compilerOptions }).outputText);
  return output;
}

/** Builds what users get. Quick where nothing has changed. */
export function buildDist(): void {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-b"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`tsc -b failed:\n${stdout}`);
}
