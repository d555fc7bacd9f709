// A playbook: an alert says that a client talked to a server by a name on the watch list. Did it, and how much went where?
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createStenographerClient, StenographerError } from "@stenogrpc/client/node";
import { host, tcp } from "@stenogrpc/query";
import { readTcpSegment } from "./tcp-segment.js";
import { tlsServerName } from "./tls-server-name.js";

interface Alert {
  readonly id: string;
  readonly time: string;
  readonly client: string;
  readonly server: string;
  /** The name on the watch list. */
  readonly name: string;
}

/** What a pipeline branches on. Failed is 1, as for Node's own uncaught errors: it must never pass for "nothing there". */
const exitCodes = { confirmed: 0, failed: 1, "no packets": 3, inconclusive: 4, "not seen": 5 } as const;

const { values: options } = parseArgs({
  options: {
    alert: { type: "string", default: "alert.json" },
    server: { type: "string", default: "localhost:8443" },
    pki: { type: "string", default: "../toy-server/pki" },
    evidence: { type: "string", default: "evidence" },
    seconds: { type: "string", default: "60" },
    "max-packets": { type: "string", default: "1000000" },
  },
});
const alert: Alert = JSON.parse(await readFile(options.alert, "utf8"));
const evidence = join(options.evidence, `${alert.id}.pcap`);
/** Where its packets are until they are evidence. That of an earlier run stays. */
const unconfirmed = join(options.evidence, `.${alert.id}.pcap`);

try {
  const conclusion = await investigate();
  console.log(`alert ${alert.id}: ${conclusion}`);
  process.exitCode = exitCodes[conclusion];
} catch (error) {
  if (!(error instanceof StenographerError)) throw error;
  console.error(`alert ${alert.id}: failed, nothing is known (${error.reason}): ${error.message}`);
  if (error.retryable) console.error("The same request may succeed later.");
  process.exitCode = exitCodes.failed;
} finally {
  await rm(unconfirmed, { force: true });
}

async function investigate(): Promise<keyof typeof exitCodes> {
  await using sensor = createStenographerClient({
    server: options.server,
    tls: {
      ca: join(options.pki, "ca.crt"),
      cert: join(options.pki, "analyst.crt"),
      key: join(options.pki, "analyst.key"),
    },
    timeoutMs: 60_000,
  });
  const alertedAtMs = Date.parse(alert.time);
  const aroundMs = Number(options.seconds) * 1000;
  const request = {
    from: new Date(alertedAtMs - aroundMs),
    to: new Date(alertedAtMs + aroundMs),
    filter: host(alert.client).and(host(alert.server), tcp()),
    maxPackets: Number(options["max-packets"]),
  };

  // Saved first and looked at then: the sensor is asked once, and what is looked at is what is kept.
  await mkdir(options.evidence, { recursive: true });
  const saved = await sensor.fetchPcap(request).toFile(unconfirmed);
  const bytes = { fromClient: 0, fromServer: 0 };
  let seenAtNs: bigint | undefined;
  for await (const { data, timestampNs } of saved.records()) {
    const segment = readTcpSegment(data);
    if (segment === undefined) continue;
    bytes[segment.source === alert.client ? "fromClient" : "fromServer"] += segment.payloadLength;
    if (tlsServerName(segment.payload) === alert.name) seenAtNs ??= timestampNs;
  }
  // No error: the file has all there is, or all that a limit let through.
  const { verdict, packets, covered, shortcomings } = saved;
  console.log(`${request.filter}: ${verdict}, ${packets} packets`);
  // What the answer lacks, nobody has seen: no alert is closed on that.
  for (const shortcoming of shortcomings) console.log(`warning: ${shortcoming}`);
  const isWhole = covered === "all" && shortcomings.length === 0;
  if (verdict === "no-packets") return isWhole ? "no packets" : "inconclusive";
  console.log(`payload: ${bytes.fromClient} bytes from the client, ${bytes.fromServer} from the server`);
  if (seenAtNs === undefined) return isWhole ? "not seen" : "inconclusive";

  console.log(`${alert.name}: asked for at ${new Date(Number(seenAtNs / 1_000_000n)).toISOString()}`);
  await rename(unconfirmed, evidence);
  console.log(`evidence: ${evidence}, ${saved.packets} packets, SHA-256 ${saved.sha256}`);
  return "confirmed";
}
