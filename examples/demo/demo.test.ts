import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { startExample } from "../test-support/example.js";
import { commandLineOf, processMark } from "../test-support/processes.js";
import { packetsDigest, readPcap } from "../test-support/read-pcap.js";
import { temporaryFolder } from "../test-support/temporary-folder.js";

/**
 * What tcpdump selects from the shipped captures for each row of requests.csv: `mergecap -F nsecpcap -w all.pcap thread*`,
 * `editcap -F nsecpcap -A FROM -B TO all.pcap in-window.pcap`, `tcpdump --time-stamp-precision=nano -r in-window.pcap -w row.pcap
 * 'F or (vlan and F)'`. The digest is packetsDigest() of row.pcap; of its first 150 packets where the limit is met.
 */
const selectedByTcpdump = {
  "0001-port-53.pcap": {
    packets: 26,
    digest: "69803038eec62797b3276e47435c23c0ade70001d9662ca7044834a34be50c7d",
  },
  "0002-host-192.0.2.80-and-tcp-and-port-80.pcap": {
    packets: 110,
    digest: "3da991beddec30365e5d3ca1c09e76aa8fe354c5dcd374a25151657b665b98c2",
  },
  "0003-tcp-and-port-443.pcap": {
    packets: 104,
    digest: "342d5cd13f488f88ade07ec514b5cfe917c011eb6b819d94a8c478ae8752d6df",
  },
  "0004-icmp.pcap": {
    packets: 43,
    digest: "7db79c81c16016603db8c699e521a9eb6347fae2c879687e88f4912c7f27ca8a",
  },
  "0005-vlan-20.pcap": {
    packets: 72,
    digest: "8246e438211a69ec477b5031a6917486318b3d51ff6c1f311f025330e09c264f",
  },
  "0006-host-192.0.2.99.pcap": {
    packets: 0,
    digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  },
  "0007-tcp.pcap": {
    packets: 150,
    digest: "022282d13e9bfcaa727a66aec1f7ba2b25ee01669ca7908be527cf2b17572293",
  },
};

describe("the demo", () => {
  it("saves packet for packet what tcpdump selects, says what to do next, and can be run again", async () => {
    await using folder = await temporaryFolder();
    for (const run of ["first", "second"]) {
      const mark = processMark();
      await using demo = startExample("demo", ["--output", folder.path], { env: mark.env });
      expect(await demo.exited, `${run} run: ${demo.stderr}`).toBe(0);
      expect(demo.stderr).toBe("");
      expect(demo.stdout).toContain("7 rows: 5 complete, 1 no-packets, 1 truncated");
      expect(demo.stdout).toContain(`npx stenogrpc serve -c ${join(folder.path, "server.yaml")}`);

      const saved = await readdir(join(folder.path, "packets"));
      expect(saved.sort()).toEqual([...Object.keys(selectedByTcpdump), "results.csv"]);
      for (const [name, expected] of Object.entries(selectedByTcpdump)) {
        const packets = readPcap(await readFile(join(folder.path, "packets", name)));
        expect({ packets: packets.length, digest: packetsDigest(packets) }, name).toEqual(expected);
      }
      // Settings for a server that the user starts: on the port that client.yaml names.
      expect(await readFile(join(folder.path, "server.yaml"), "utf8")).toContain("\nport: 8443\n");
      await mark.untilAllGone();
    }
  });

  it.each(["a terminal's Ctrl-C", "kill"])("leaves no process after %s", async (how) => {
    await using folder = await temporaryFolder();
    const mark = processMark();
    await using demo = startExample("demo", ["--output", folder.path], { env: mark.env });
    await demo.prints(/listening on/);
    if (how === "kill") demo.signal("SIGINT");
    else demo.signalGroup("SIGINT");
    expect(await demo.exited).toBe(130);
    expect(demo.stderr).toBe("\nInterrupted by SIGINT.\n");
    await mark.untilAllGone();
  });

  it("says that it was interrupted where its commands see Ctrl-C before it does", async () => {
    await using folder = await temporaryFolder();
    const mark = processMark();
    await using demo = startExample("demo", ["--output", folder.path], { env: mark.env });
    const batch = await vi.waitFor(() => processOf(mark.living(), "batch"), { timeout: 20_000, interval: 5 });
    process.kill(batch, "SIGINT");
    expect(await demo.exited).toBe(130);
    expect(demo.stderr).toBe("\nInterrupted by SIGINT.\n");
    await mark.untilAllGone();
  });
});

/** The one of these processes that runs this command of stenogrpc. */
function processOf(processes: readonly number[], command: string): number {
  const found = processes.find((pid) => commandLineOf(pid).includes(command));
  if (found === undefined) throw new Error(`no process runs ${command}`);
  return found;
}
