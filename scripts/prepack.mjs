// Before a package is packed, in its folder: builds it, and puts the licence beside it, without which it may not be passed on.
import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
const { status } = spawnSync(process.execPath, [tsc, "-b", root], { stdio: ["ignore", 2, 2] }); // npm prints to the other
if (status !== 0) process.exit(1);
copyFileSync(`${root}LICENSE`, "LICENSE");
