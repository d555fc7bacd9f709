// Our server over one kind of source, in a process of its own: prints {port, pid}.
import {
  createStenographerServer,
  directorySource,
  stenographerFilesSource,
  stenographerSource,
  stenoreadSource,
} from "@stenogrpc/server";
import type { ServerOptions } from "./suite.js";

const { kind, config, folder, tls } = JSON.parse(process.argv[2] ?? "") as ServerOptions; // written by suite.ts
const sources = {
  files: () => stenographerFilesSource({ config }),
  https: () => stenographerSource({ config }),
  stenoread: () => stenoreadSource({ config }),
  directory: () => directorySource({ path: folder }),
};
const source = sources[kind]();
const { port } = await createStenographerServer({ source, tls, host: "127.0.0.1", port: 0 });
console.log(JSON.stringify({ port, pid: process.pid }));
process.once("SIGTERM", () => {
  console.log("{}");
  process.exit();
});
