// Preloaded into a server (`--import`): collects all garbage every few seconds, and writes how many bytes of V8's heap are in use
// then to the file `$MEMORY_IN_USE.<pid>.heap.<thread>`: threads have heaps of their own. Without that, V8's old space grows for an hour before it is looked through.
import { renameSync, writeFileSync } from "node:fs";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { threadId } from "node:worker_threads";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const path = `${process.env.MEMORY_IN_USE}.${process.pid}.heap.${threadId}`;
setInterval(() => {
  collect();
  writeFileSync(`${path}.new`, String(getHeapStatistics().used_heap_size));
  renameSync(`${path}.new`, path);
}, 4000).unref();
