/** Writes to the log named by its argument, twenty records at once, until it is killed; prints each line's number once it is on disk. */
import { auditRecord, testLog } from "./audit.js";

const log = testLog(process.argv[2] ?? "", { maxBytes: 200_000 });
await log.open();
const writer = async (): Promise<never> => {
  for (;;) process.stdout.write(`${(await log.write(auditRecord())).seq}\n`);
};
await Promise.all(Array.from({ length: 20 }, writer));
