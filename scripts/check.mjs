// Everything a change must pass, one step after another: `npm run check`, or `npm run check -- --skip-tests`.
import { spawnSync } from "node:child_process";

const wireRules = JSON.stringify({
  version: "v2",
  modules: [{ path: "proto" }],
  breaking: { use: ["WIRE"] },
});

const steps = [
  ["generate", "buf", ["generate"]],
  ["generated code is current", "git", ["diff", "--exit-code", "--stat", "--", "gen/src"]],
  ["proto: format", "buf", ["format", "--diff", "--exit-code"]],
  ["proto: lint", "buf", ["lint"]],
  ["proto: breaks nothing since main", "buf", ["breaking", "--against", ".git#branch=main"]],
  [
    "proto: wire compatible with the original",
    "buf",
    ["breaking", "--against", "tests/contract", "--config", wireRules],
  ],
  ["lint and format", "biome", ["check", "--error-on-warnings", "."]],
  ["types of the packages", "tsc", ["-b"]],
  ["types of tests, examples and bench", "tsc", ["-p", "tsconfig.test.json"]],
  ["tests", "npm", ["test"]],
];

const skipTests = process.argv.includes("--skip-tests");
for (const [name, command, args] of steps) {
  if (skipTests && name === "tests") continue;
  console.log(`- ${name}`);
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) {
    console.error(
      `check failed: ${name}${error ? ` (${error.message})` : ""}\n  ${command} ${args.join(" ")}`,
    );
    process.exit(1);
  }
}
console.log("check passed");
