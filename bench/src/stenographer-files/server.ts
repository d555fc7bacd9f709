// Our server over Stenographer's files or over the daemon, in a process of its own: prints {port, pid}.
import { createStenographerServer, stenographerFilesSource, stenographerSource } from "@stenogrpc/server";
import type { ServerOptions } from "./suite.js";

const { kind, config, tls } = JSON.parse(process.argv[2] ?? "") as ServerOptions; // written by suite.ts
const source = kind === "files" ? stenographerFilesSource({ config }) : stenographerSource({ config });
const { port } = await createStenographerServer({ source, tls, host: "127.0.0.1", port: 0 });
console.log(JSON.stringify({ port, pid: process.pid }));
process.once("SIGTERM", () => {
  console.log("{}");
  process.exit();
});
