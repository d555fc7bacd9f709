import { vi } from "vitest";
import { builtFile } from "./built-package.js";

// Stores read in a thread of their own, as they do where they are built.
vi.mock("../src/reader-script.js", () => ({ readerScript: () => builtFile("reader-thread.js") }));
