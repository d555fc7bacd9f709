import { configDefaults, defineConfig } from "vitest/config";

const sourceConditions = ["@stenogrpc/source", "node", "import", "default"];

/** Workspace packages resolve to their sources, so no test needs a build of its own. */
const fromSource = {
  resolve: { conditions: sourceConditions },
  ssr: { resolve: { conditions: sourceConditions, externalConditions: sourceConditions } },
};

/** Stores of Stenographer's files read in a thread of their own, as they do where they are built. */
const inReaderWorker = {
  globalSetup: ["packages/stenographer-files/test-support/build-package.ts"],
  setupFiles: ["packages/stenographer-files/test-support/use-reader-worker.ts"],
};

/** They put something else in a module's place, which must not reach other files. */
const mocking = ["**/{save-manifest,save-file-failing-disk,store-many-positions}.test.ts"];

/** Unit tests to leave out, by globs with a space between: vitest's own --exclude does not reach projects. */
const leftOut = process.env.STENOGRPC_LEAVE_OUT?.split(" ") ?? [];

export default defineConfig({
  test: {
    reporters: ["default", "./tests/support/count-reporter.ts"],
    // Files that start servers and children need a processor each to be what they claim: two at once, as CI has.
    maxWorkers: 2,
    projects: [
      {
        ...fromSource,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "tests/*.test.ts"],
          exclude: [...configDefaults.exclude, "**/worker-reader.test.ts", ...mocking, ...leftOut],
          // Files share what they import: else half of the time goes into importing it anew for each.
          isolate: false,
          globalSetup: ["packages/cli/test-support/build-cli.ts"],
          // For a machine that does much else; no test waits for a time of its own.
          testTimeout: 120_000,
          server: { deps: { inline: [/@stenogrpc/] } },
        },
      },
      {
        ...fromSource,
        test: {
          name: "mocking",
          include: mocking,
          testTimeout: 60_000,
          server: { deps: { inline: [/@stenogrpc/] } },
        },
      },
      {
        ...fromSource,
        test: {
          name: "reader-worker",
          include: [
            "packages/stenographer-files/src/{store,file-plan,read-unfinished,restore,damage,stenotype,worker-reader}*.test.ts",
          ],
          // It reaches into the thread that reads.
          exclude: ["**/store-many-positions.test.ts"],
          ...inReaderWorker,
          env: { STENOGRPC_DAMAGE_CASES: "100" },
          testTimeout: 60_000,
          server: { deps: { inline: [/@stenogrpc/] } },
        },
      },
      {
        ...fromSource,
        test: {
          name: "packages",
          include: ["tests/packages/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        ...fromSource,
        test: {
          name: "examples",
          include: ["examples/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...fromSource,
        test: {
          name: "real",
          include: ["tests/real/**/*.test.ts"],
          ...inReaderWorker,
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
