// Preloaded into a server (`--import`): collects all garbage every few seconds, so that what stays resident is what is in use.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
setInterval(collect, 4000).unref();
