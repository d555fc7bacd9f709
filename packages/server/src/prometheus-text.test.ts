import { expect, it } from "vitest";
import { RetrievalCounters, type ServerMetrics } from "./metrics.js";
import { prometheusText } from "./prometheus-text.js";

const counters = new RetrievalCounters();
counters.served(1000, 10);
counters.served(500, 5);
counters.fellShort("refused", "NO_FREE_SLOT", 0);
counters.fellShort("refused", "NO_FREE_SLOT", 0);
counters.fellShort("refused", "FILTER_SYNTAX", 0);
counters.fellShort("failed", 'A "reason"\\\n', 24);
const retrievals = counters.metrics({ running: 3, queued: 1 });

it("counts by outcome, and by reason what was not served", () => {
  expect(retrievals).toEqual({
    running: 3,
    queued: 1,
    served: 2,
    canceled: 0,
    refused: 3,
    failed: 1,
    shortfalls: [
      { outcome: "refused", reason: "NO_FREE_SLOT", count: 2 },
      { outcome: "refused", reason: "FILTER_SYNTAX", count: 1 },
      { outcome: "failed", reason: 'A "reason"\\\n', count: 1 },
    ],
    pcapBytes: 1524,
    packets: 15,
  });
});

it("gives what is known of routes, with a help, a type and escaped labels", () => {
  expect(prometheusText({ retrievals })).toBe(
    [
      "# HELP stenogrpc_retrievals_running Retrievals under way, those that wait for a place too.",
      "# TYPE stenogrpc_retrievals_running gauge",
      "stenogrpc_retrievals_running 3",
      "# HELP stenogrpc_retrievals_queued Retrievals that wait for a place.",
      "# TYPE stenogrpc_retrievals_queued gauge",
      "stenogrpc_retrievals_queued 1",
      "# HELP stenogrpc_retrievals_total Retrievals that have ended, by outcome.",
      "# TYPE stenogrpc_retrievals_total counter",
      'stenogrpc_retrievals_total{outcome="served"} 2',
      'stenogrpc_retrievals_total{outcome="refused"} 3',
      'stenogrpc_retrievals_total{outcome="failed"} 1',
      'stenogrpc_retrievals_total{outcome="canceled"} 0',
      "# HELP stenogrpc_retrieval_shortfalls_total Retrievals that did not get their whole answer, by outcome and reason.",
      "# TYPE stenogrpc_retrieval_shortfalls_total counter",
      'stenogrpc_retrieval_shortfalls_total{outcome="refused",reason="NO_FREE_SLOT"} 2',
      'stenogrpc_retrieval_shortfalls_total{outcome="refused",reason="FILTER_SYNTAX"} 1',
      'stenogrpc_retrieval_shortfalls_total{outcome="failed",reason="A \\"reason\\"\\\\\\n"} 1',
      "# HELP stenogrpc_sent_bytes_total Bytes of pcap that were sent.",
      "# TYPE stenogrpc_sent_bytes_total counter",
      "stenogrpc_sent_bytes_total 1524",
      "# HELP stenogrpc_sent_packets_total Packets of the answers that were sent in whole.",
      "# TYPE stenogrpc_sent_packets_total counter",
      "stenogrpc_sent_packets_total 15",
      "",
    ].join("\n"),
  );
});

it("gives connections, certificates and the source where they are known, each family once", () => {
  const metrics: ServerMetrics = {
    retrievals,
    connections: { open: 1, accepted: 2, turnedAway: 3, tlsRefused: 4 },
    reloads: { done: 5, refused: 6 },
    certificates: {
      serverExpiresAt: 1_800_000_000,
      authorityExpiresAt: 1_900_000_000,
      revocationListExpiresAt: 1_790_000_000,
      clientsNearExpiry: 7,
    },
  };
  const text = prometheusText(metrics, {
    isHealthy: true,
    oldestPacketNs: 1_700_000_000_500_000_000n,
    newestPacketNs: 1_700_000_100_000_000_000n,
  });
  const types = text.match(/^# TYPE \S+/gm) ?? [];
  expect(new Set(types).size).toBe(types.length);
  const ofServer = text.split("\n").filter((line) => /^stenogrpc_(?!retrieval|sent)/.test(line));
  expect(ofServer).toEqual([
    "stenogrpc_connections_open 1",
    "stenogrpc_connections_accepted_total 2",
    "stenogrpc_connections_turned_away_total 3",
    "stenogrpc_tls_refused_total 4",
    'stenogrpc_certificate_reloads_total{result="done"} 5',
    'stenogrpc_certificate_reloads_total{result="refused"} 6',
    'stenogrpc_certificate_expiry_timestamp_seconds{of="server"} 1800000000',
    'stenogrpc_certificate_expiry_timestamp_seconds{of="authority"} 1900000000',
    'stenogrpc_certificate_expiry_timestamp_seconds{of="revocation_list"} 1790000000',
    "stenogrpc_clients_near_expiry 7",
    "stenogrpc_source_up 1",
    "stenogrpc_oldest_packet_timestamp_seconds 1700000000.5",
    "stenogrpc_newest_packet_timestamp_seconds 1700000100",
  ]);
  expect(prometheusText(metrics, { isHealthy: false, problem: "no" })).toMatch(/\nstenogrpc_source_up 0\n$/);
});
