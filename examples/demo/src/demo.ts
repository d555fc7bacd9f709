// `npm run demo`: certificates, a server in its own process, requests from a CSV, and files that were verified.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "csv-parse/sync";
import { exitInterrupted, root, Stenogrpc } from "./stenogrpc.js";

const { values: options } = parseArgs({ options: { output: { type: "string" } } });
const output = resolve(options.output ?? join(root, "demo-output"));
/** A path as one types it at the repository's root, where all commands here run. */
const shown = (...parts: string[]) => {
  const path = relative(root, join(...parts));
  return path.startsWith("..") ? join(...parts) : path;
};
const pki = shown(output, "pki");
const packets = shown(output, "packets");
const serverYaml = shown(output, "server.yaml");
const clientYaml = shown(output, "pki", "client.yaml");
const requests = shown(import.meta.dirname, "..", "requests.csv");
const captures = join(root, "examples/captures");

/** The batch's exit code: every row was answered, and a limit cut at least one. */
const exitTruncated = 4;

await using stenogrpc = new Stenogrpc();
try {
  await demo();
  stenogrpc.throwIfInterrupted();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(stenogrpc.interruptedBy ? `\nInterrupted by ${stenogrpc.interruptedBy}.` : error.message);
  process.exitCode = stenogrpc.interruptedBy ? exitInterrupted : 1;
}

async function demo(): Promise<void> {
  await mkdir(output, { recursive: true });
  for (const part of ["pki", "packets"]) await rm(join(output, part), { recursive: true, force: true });

  step("1", "Make an authority, and certificates for a server and a client");
  command(`certs ${pki}`);
  await stenogrpc.run(["certs", pki]);

  step("2", `Serve ${shown(captures)}, in a process of its own; mutual TLS, on loopback`);
  command(`serve -c ${serverYaml}`);
  await writeServerYaml({ port: 0 }); // a free one
  const log = join(output, "server.log");
  const listening = await stenogrpc.serve(["serve", "-c", serverYaml], { log });
  console.log(`   ${listening}`);
  const address = /listening on (\S+)/.exec(listening)?.[1] ?? "";

  step("3", "Fetch what a CSV asks for");
  const batch = ["batch", "-c", clientYaml, "-s", address, "-r", requests, "-o", packets, "--any-vlan"];
  command(batch.join(" "));
  const { stderr } = await stenogrpc.run(batch, { exitCode: exitTruncated });
  // The table comes after the lines of progress.
  console.log(
    stderr
      .slice(stderr.indexOf("\n\n") + 1)
      .trimEnd()
      .replace(/^(?=.)/gm, "   "),
  );
  console.log(`   exit code ${exitTruncated}: every row was answered, one cut by the server's limit
   A gap is a part of the window that the folder's captures don't reach: complete means all that is there. Which part it is
   stands in results.csv.`);

  step("4", "Read the files back");
  const count = await checkFiles();
  console.log(`   ${count} files in ${packets}: each has the size and the SHA-256 of results.csv.
   Each was verified as it came: whole records, in the window, and the number of packets, of bytes, and the SHA-256
   that the server's last message states. Only then did it get its name; a failed fetch leaves no file.`);

  await writeServerYaml({ port: 8443 });
  console.log(nextSteps());
}

function step(number: string, what: string): void {
  console.log(`\n${number}. ${what}`);
}

function command(line: string): void {
  console.log(`   $ stenogrpc ${line}`);
}

async function writeServerYaml({ port }: { port: number }): Promise<void> {
  const yaml = `# Written by the demo. Paths are relative to this file.
root_certificate: pki/ca.crt
private_key: pki/server.key
certificate_chain: pki/server.crt

host: 127.0.0.1
port: ${port}
sensor: demo
source:
  kind: directory
  path: ${JSON.stringify(relative(output, captures))}
limits:
  max_packets: 150   # so small that one of the demo's requests meets it
`;
  await writeFile(join(output, "server.yaml"), yaml);
}

/** Compares what is on the disk with results.csv. Gives the number of files. */
async function checkFiles(): Promise<number> {
  const rows: { file: string; bytes: string; sha256: string }[] = parse(
    await readFile(join(output, "packets", "results.csv")),
    { columns: true },
  );
  for (const { file, bytes, sha256 } of rows) {
    const pcap = await readFile(join(output, "packets", file));
    const digest = createHash("sha256").update(pcap).digest("hex");
    if (String(pcap.length) !== bytes || digest !== sha256)
      throw new Error(`${file} is not what results.csv says`);
  }
  return rows.length;
}

function nextSteps(): string {
  return `
Next, at the repository's root:
   tcpdump -nr ${packets}/0001-port-53.pcap | head      look at packets, or open the file in Wireshark

   npm run build                                             once; then, with the server in a second terminal:
   npx stenogrpc serve -c ${serverYaml} --log pretty
   npx stenogrpc info -c ${clientYaml}
   npx stenogrpc fetch -c ${clientYaml} -o ssh.pcap \\
     --from 2026-11-24T05:40:25Z --to 2026-11-24T05:40:30Z 'tcp dst port 22 and tcp[tcpflags] & tcp-syn != 0'
   npx stenogrpc check 'src net 192.0.2.0/24 and not port 22'    what is asked for a filter, and why
   npx stenogrpc check 'host 192.0.2.80 and prt 80'              what a mistake looks like

   examples/ has the same in TypeScript: the client in a playbook, the server in services of yours.
   ${shown(output)} can be removed at any time.`;
}
