import { expect, it } from "vitest";
import { captureName } from "./capture-name.js";

it.each([
  [1, 9, "host 10.0.0.5 and port 443", "0001-host-10.0.0.5-and-port-443.pcap"],
  [12, 9, "(net 2001:db8::/32)", "0012-net-2001-db8-32.pcap"],
  [7, 123_456, "tcp", "000007-tcp.pcap"],
  [1, 1, "", "0001-all.pcap"],
  [1, 1, "../../etc/passwd", "0001-etc-passwd.pcap"],
  [1, 1, "tcp and ".repeat(50), "0001-tcp-and-tcp-and-tcp-and-tcp-and-tcp-and-tcp-and.pcap"],
])("names row %i of %i with the filter %j %s", (row, rows, filter, name) => {
  expect(captureName(row, rows, filter)).toBe(name);
});
