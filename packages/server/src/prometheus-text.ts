import type { SensorHealth } from "./health-check.js";
import type { SensorMetrics, ServerMetrics } from "./metrics.js";

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/**
 * Metrics of a sensor in the text format of Prometheus, version 0.0.4: send it as `text/plain; version=0.0.4`.
 *
 * @param metrics of `server.metrics()` or `routes.metrics()`
 * @param health of `server.health()` or `routes.health()`; adds whether the source can be asked, and the times of its packets
 */
export function prometheusText(
  metrics: SensorMetrics & Partial<ServerMetrics>,
  health?: SensorHealth,
): string {
  return [...ofRetrievals(metrics), ...ofServer(metrics), ...(health ? ofSource(health) : [])].join("");
}

function* ofRetrievals({ retrievals }: SensorMetrics): Generator<string> {
  const { running, queued, shortfalls, pcapBytes, packets } = retrievals;
  yield gauge("retrievals_running", "Retrievals under way, those that wait for a place too.", running);
  yield gauge("retrievals_queued", "Retrievals that wait for a place.", queued);
  yield counter(
    "retrievals_total",
    "Retrievals that have ended, by outcome.",
    (["served", "refused", "failed", "canceled"] as const).map((outcome) => [
      { outcome },
      retrievals[outcome],
    ]),
  );
  yield counter(
    "retrieval_shortfalls_total",
    "Retrievals that did not get their whole answer, by outcome and reason.",
    shortfalls.map(({ outcome, reason, count }) => [{ outcome, reason }, count]),
  );
  yield counter("sent_bytes_total", "Bytes of pcap that were sent.", pcapBytes);
  yield counter("sent_packets_total", "Packets of the answers that were sent in whole.", packets);
}

function* ofServer({ connections, reloads, certificates }: Partial<ServerMetrics>): Generator<string> {
  if (connections) {
    const { open, accepted, turnedAway, tlsRefused } = connections;
    yield gauge("connections_open", "Connections open now.", open);
    yield counter("connections_accepted_total", "Connections that were accepted.", accepted);
    yield counter("connections_turned_away_total", "Connections beyond the limits.", turnedAway);
    yield counter("tls_refused_total", "TLS handshakes that failed.", tlsRefused);
  }
  if (reloads) {
    yield counter("certificate_reloads_total", "Times that certificates were replaced, or not.", [
      [{ result: "done" }, reloads.done],
      [{ result: "refused" }, reloads.refused],
    ]);
  }
  if (certificates) {
    const { serverExpiresAt, authorityExpiresAt, revocationListExpiresAt, clientsNearExpiry } = certificates;
    const samples: Sample[] = [
      [{ of: "server" }, serverExpiresAt],
      [{ of: "authority" }, authorityExpiresAt],
    ];
    if (revocationListExpiresAt !== undefined)
      samples.push([{ of: "revocation_list" }, revocationListExpiresAt]);
    yield gauge(
      "certificate_expiry_timestamp_seconds",
      "When the first of each kind ends, in seconds since 1970.",
      samples,
    );
    yield gauge(
      "clients_near_expiry",
      "Client certificates seen within a day that end soon.",
      clientsNearExpiry,
    );
  }
}

function* ofSource(health: SensorHealth): Generator<string> {
  yield gauge("source_up", "Whether the source of packets can be asked.", health.isHealthy ? 1 : 0);
  if (!health.isHealthy) return;
  const { oldestPacketNs, newestPacketNs } = health;
  if (oldestPacketNs !== undefined) {
    yield gauge(
      "oldest_packet_timestamp_seconds",
      "Time of the oldest packet, in seconds since 1970.",
      Number(oldestPacketNs) / 1e9,
    );
  }
  if (newestPacketNs !== undefined) {
    yield gauge(
      "newest_packet_timestamp_seconds",
      "Time of the newest packet, in seconds since 1970.",
      Number(newestPacketNs) / 1e9,
    );
  }
}

function gauge(name: string, help: string, values: number | readonly Sample[]): string {
  return family("gauge", name, help, values);
}

function counter(name: string, help: string, values: number | readonly Sample[]): string {
  return family("counter", name, help, values);
}

function family(type: string, name: string, help: string, values: number | readonly Sample[]): string {
  const samples: readonly Sample[] = typeof values === "number" ? [[{}, values]] : values;
  const full = `stenogrpc_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labelText(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/: backslash, quote and line feed. */
function escaped(value: string): string {
  return value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}
