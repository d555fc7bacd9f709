import { join } from "node:path";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { createStenographerClient as createClientOver } from "@stenogrpc/client";
import { createStenographerClient } from "@stenogrpc/client/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClientPem, writeDevelopmentPki } from "./development-pki.js";
import { type Example, startExample } from "./example.js";
import { processMark } from "./processes.js";
import { askHttp1, askHttp2 } from "./request.js";
import { temporaryFolder } from "./temporary-folder.js";

type Tls = { readonly ca: string; readonly cert?: string; readonly key?: string };

// 43 by `tcpdump -r all.pcap --count "icmp or (vlan and icmp)"`, see the captures' README.
const echoes = {
  from: "2026-11-24T05:40:00Z",
  to: "2026-11-24T05:41:00Z",
  filter: "icmp",
  vlanTransparent: true,
};
const echoPackets = 43;

const transports = {
  "gRPC over HTTP/2": (baseUrl: string, tls: Tls) =>
    createGrpcTransport({ baseUrl, nodeOptions: tls, acceptCompression: [] }),
  "gRPC-Web over HTTP/1.1": (baseUrl: string, tls: Tls) =>
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions: tls, acceptCompression: [] }),
  "Connect over HTTP/1.1": (baseUrl: string, tls: Tls) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions: tls, acceptCompression: [] }),
};

/** Tests a service that has routes of its own, over the HTTP versions given, and that embeds the sensor. */
export function testService(name: string, { routesOver }: { routesOver: readonly ("1.1" | "2")[] }): void {
  describe(`the ${name} example`, () => {
    const mark = processMark();
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let pem: ClientPem;
    let service: Example;
    let port: number;

    beforeAll(async () => {
      folder = await temporaryFolder();
      pem = await writeDevelopmentPki(join(folder.path, "pki"));
      service = startExample(name, ["--pki", join(folder.path, "pki"), "--port", "0"], { env: mark.env });
      port = Number(
        (await service.prints(/listening.*?"port":(\d+)|"port":(\d+).*?listening/)).slice(1).join(""),
      );
    });

    afterAll(async () => {
      await service[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    describe.each(routesOver)("its own routes over HTTP/%s", (version) => {
      const ask = version === "2" ? askHttp2 : askHttp1;

      it("answer the load balancer, which has no certificate", async () => {
        const answer = await ask({ port, path: "/health", tls: { ca: pem.ca } });
        expect(answer.status).toBe(200);
        expect(JSON.parse(answer.body)).toEqual({ status: "ok" });
      });

      it("keep the API for those with a certificate", async () => {
        expect((await ask({ port, path: "/api/alerts", tls: { ca: pem.ca } })).status).toBe(401);
        const answer = await ask({ port, path: "/api/alerts", tls: pem });
        expect(answer.status).toBe(200);
        expect(JSON.parse(answer.body)).toMatchObject([{ id: "4711" }]);
      });

      it("say 404 for what is not there", async () => {
        expect((await ask({ port, path: "/none", tls: pem })).status).toBe(404);
      });
    });

    if (!routesOver.includes("2")) {
      it("sends HTTP/2 clients of its own routes to HTTP/1.1", async () => {
        await expect(askHttp2({ port, path: "/health", tls: pem })).rejects.toThrow("HTTP_1_1_REQUIRED");
      });
    }

    describe.each(Object.entries(transports))("its sensor by %s", (_, transport) => {
      const clientWith = (tls: Tls) =>
        createClientOver({ transport: transport(`https://127.0.0.1:${port}`, tls) });

      it("serves packets to a client with a certificate", async () => {
        const result = await clientWith(pem).fetchPcap(echoes).summary;
        expect(result).toMatchObject({ verdict: "complete", packets: echoPackets, verification: "full" });
      });

      it("refuses a client without one", async () => {
        const refusal = { code: "unauthenticated", reason: "CLIENT_CERTIFICATE_REQUIRED" };
        const client = clientWith({ ca: pem.ca });
        await expect(client.fetchPcap(echoes).summary).rejects.toMatchObject(refusal);
        await expect(client.describeSensor()).rejects.toMatchObject(refusal);
      });
    });

    it("logs retrievals with its own logger", async () => {
      await using client = createStenographerClient({ server: `127.0.0.1:${port}`, tls: pem });
      const { uid } = await client.fetchPcap({ ...echoes, uid: "case-4711" }).summary;
      // Written before the client had its answer, but it comes by another way: a pipe.
      await service.prints(new RegExp(`${uid}.*\n`));
      const lines = service.stdout.split("\n").filter((line) => line.includes(uid));
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        { uid, packets: echoPackets, pid: service.pid },
      ]);
    });

    it("stops on SIGTERM, with clients still connected, and leaves no process", async () => {
      await using client = createStenographerClient({ server: `127.0.0.1:${port}`, tls: pem });
      await client.describeSensor();
      expect(mark.living()).toContain(service.pid);
      expect(await service.stop("SIGTERM")).toBe(0);
      expect(service.stderr).toBe("");
      await mark.untilAllGone();
    });
  });
}
