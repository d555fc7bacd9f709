import { once } from "node:events";
import { rm, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";
import { errnoOf } from "../errno.js";
import { AuditError } from "./audit-error.js";

/** What fits into a socket's address (unix(7): 108 bytes; less elsewhere), for the path with ".lock". */
const longestPathBytes = 100;

/**
 * Makes this process the one writer of a file, until the function given back is called or the process ends.
 *
 * The lock is a Unix socket beside the file that its holder listens on. Node has no flock(2), and a number in a file can't say
 * whether its process lives: numbers are used again, and mean another process in another container. Whether somebody listens
 * the kernel knows, also after SIGKILL. A socket that nobody listens on any more is taken away.
 *
 * @throws AuditError "locked", "unavailable" where its folder is not there; the system's error
 */
export async function lockWriter(file: string): Promise<() => Promise<void>> {
  const path = `${file}.lock`;
  if (Buffer.byteLength(path) > longestPathBytes) {
    throw new AuditError(
      "locked",
      `${path}: at most ${longestPathBytes} bytes make a lock; use a shorter path`,
    );
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    const release = await listen(path).catch(async (error: unknown) => {
      throw (await folderProblem(file, error)) ?? error;
    });
    if (release) return release;
    if (await someoneListens(path)) break;
    // Two that start at once may both come here. The one that lost finds out with its first write, by the file's size.
    await rm(path, { force: true });
  }
  throw new AuditError("locked", `${file}: another process writes this audit log (it listens on ${path})`);
}

async function listen(path: string): Promise<(() => Promise<void>) | undefined> {
  const server = createServer((visitor) => visitor.destroy());
  try {
    // exclusive: workers of node:cluster would share the socket otherwise.
    server.listen({ path, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    if (errnoOf(error) === "EADDRINUSE") return undefined;
    throw error;
  }
  server.unref();
  return async () => {
    const closed = once(server, "close");
    server.close(); // takes the socket's file away
    await closed;
  };
}

/** libuv says EACCES for a socket in a folder that is not there. */
async function folderProblem(file: string, cause: unknown): Promise<AuditError | undefined> {
  const folder = dirname(file);
  try {
    await stat(folder);
    return undefined;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") return undefined;
    const problem = `${file}: the folder ${folder} of the audit log is not there; make it first`;
    return new AuditError("unavailable", problem, { cause });
  }
}

async function someoneListens(path: string): Promise<boolean> {
  const visitor = connect(path);
  try {
    await once(visitor, "connect");
    return true;
  } catch {
    return false;
  } finally {
    visitor.destroy();
  }
}
