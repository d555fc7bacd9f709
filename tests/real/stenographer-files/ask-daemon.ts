import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { buffer } from "node:stream/consumers";
import { type PlainPacket, type RunningStenographer, readPcap } from "@stenogrpc/testkit";

/** Asks the daemon for packets, as they are in its answer: of whole files around the times in the query. */
export function daemonAsker(daemon: RunningStenographer): {
  ask(query: string): Promise<PlainPacket[]>;
  close(): void;
} {
  const { ca, cert, key } = daemon.certs;
  const agent = new Agent({
    ca: readFileSync(ca),
    cert: readFileSync(cert),
    key: readFileSync(key),
    keepAlive: true,
    maxSockets: 2,
  });
  const ask = async (query: string): Promise<PlainPacket[]> => {
    const body = await new Promise<Buffer>((resolve, reject) => {
      request(daemon.url, { method: "POST", agent }, (response) => {
        if (response.statusCode === 200) resolve(buffer(response));
        else reject(new Error(`the daemon answers ${response.statusCode} to ${query}`));
      })
        .on("error", reject)
        .end(query);
    });
    return readPcap(body);
  };
  return { ask, close: () => agent.destroy() };
}
