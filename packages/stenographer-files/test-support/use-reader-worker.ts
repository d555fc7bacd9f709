import { vi } from "vitest";
import { builtFile } from "./built-package.js";

// Stores read in a thread of their own, as they do where they are built.
vi.mock("../src/worker-script.js", () => ({ workerScript: () => builtFile("reader-worker.js") }));
