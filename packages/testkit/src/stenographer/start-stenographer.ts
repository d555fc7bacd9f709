import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { eventually } from "../eventually.js";
import { freePort } from "../network/free-port.js";
import { debianProgram } from "../process/debian-program.js";
import { onExit, startProgram } from "../process/program.js";
import { captureWithStenotype } from "./capture-with-stenotype.js";
import { type KeyMaker, makeStenographerKeys, type StenographerCerts } from "./stenographer-keys.js";
import { writeStenographerFiles } from "./write-stenographer-files.js";

/** Which packets a Stenographer serves, and how they get there. */
export interface StenographerSetup {
  /** A pcap file of Ethernet frames, in order of time. Mode `files`: or several, each for a capture thread of its own. */
  readonly pcap: string | readonly string[];
  /**
   * - `files`: packet and index files written from the pcap, with its own times; needs no root
   * - `capture`: the real stenotype captures the pcap as it is replayed in a network namespace; needs root
   */
  readonly mode: "files" | "capture";
  /** Who makes the certificates. Default: own. */
  readonly keys?: KeyMaker;
  /** Seconds of packets in one file, and what the daemon believes of stenotype's `--fileage_sec`. Default 60. */
  readonly secondsPerFile?: number;
  /** Also serve the daemon's native gRPC, on all addresses. Default false. */
  readonly nativeGrpc?: boolean;
}

/** A real stenographer that serves known packets. */
export interface RunningStenographer {
  /** Where it answers queries. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Its configuration, for STENOGRAPHER_CONFIG. */
  readonly configPath: string;
  readonly certs: StenographerCerts;
  readonly pid: number;
  /** Where its native gRPC is, if that was asked for. */
  readonly nativeGrpcPort: number | undefined;
  /** Folders of the first thread's files, to damage them. */
  readonly packetsFolder: string;
  readonly indexFolder: string;
  /** What it wrote: each query, and how it ended. */
  log(): string;
  /** Ends it with SIGKILL, and leaves its files. */
  kill(): Promise<void>;
  /** Ends it and removes everything. */
  stop(): Promise<void>;
}

/**
 * Starts Debian's stenographer, with a stub in place of stenotype, on a free port of 127.0.0.1; resolves when it serves
 * every file. It ends with this process, however this ends.
 *
 * @throws Error naming the Debian package of a program that is missing
 */
export async function startStenographer(setup: StenographerSetup): Promise<RunningStenographer> {
  const stenographer = debianProgram("stenographer");
  const setpriv = debianProgram("setpriv");
  const folder = mkdtempSync(join(tmpdir(), "stenographer-"));
  const forget = onExit(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  const pcaps = typeof setup.pcap === "string" ? [setup.pcap] : setup.pcap;
  const threads = pcaps.map((pcap, i) => ({ pcap, packets: path(`packets${i}`), index: path(`index${i}`) }));
  const folders = threads.flatMap(({ packets, index }) => [packets, index]);
  for (const each of [...folders, path("certs"), path("tmp"), path("rpc")]) mkdirSync(each, { mode: 0o700 });
  const { secondsPerFile = 60 } = setup;
  const certs = await makeStenographerKeys(setup.keys ?? "own", path("certs"));
  for (const thread of threads) {
    const { pcap, packets, index } = thread;
    if (setup.mode === "files") writeStenographerFiles(pcap, packets, index, { secondsPerFile });
    else await captureWithStenotype({ ...thread, work: folder, fileAgeSeconds: secondsPerFile });
  }

  const port = await freePort();
  const nativeGrpcPort = setup.nativeGrpc ? await freePort() : undefined;
  // Captures nothing, stays alive, and dies with stenographer, which does not kill its child.
  writeFileSync(path("stenotype"), `#!/bin/sh\nexec ${setpriv} --pdeathsig KILL sleep infinity\n`, {
    mode: 0o755,
  });
  const configPath = path("config");
  const config = {
    Threads: threads.map(({ packets, index }) => ({
      PacketsDirectory: packets,
      IndexDirectory: index,
      DiskFreePercentage: 1,
    })),
    StenotypePath: path("stenotype"),
    Interface: "none",
    Host: "127.0.0.1",
    Port: port,
    CertPath: certs.folder,
    Flags: [`--fileage_sec=${secondsPerFile}`],
    ...(nativeGrpcPort !== undefined && {
      Rpc: {
        CaCert: certs.ca,
        ServerKey: certs.serverKey,
        ServerCert: certs.serverCert,
        ServerPort: nativeGrpcPort,
        ServerPcapPath: path("rpc"),
        ServerPcapMaxSize: 4_000_000_000,
        ClientPcapChunkSize: 64 * 1024,
        ClientPcapMaxSize: 4_000_000_000,
      },
    }),
  };
  writeFileSync(configPath, JSON.stringify(config));
  const daemon = startProgram(stenographer, [`--config=${configPath}`, "--syslog=false", "--v=1"], {
    logPath: path("stenographer.log"),
    // It never removes its folder in TMPDIR; its native gRPC runs stenoread, which reads the configuration.
    env: { TMPDIR: path("tmp"), STENOGRAPHER_CONFIG: configPath },
  });
  const running: RunningStenographer = {
    url: `https://127.0.0.1:${port}/query`,
    host: "127.0.0.1",
    port,
    configPath,
    certs,
    pid: daemon.pid,
    nativeGrpcPort,
    packetsFolder: folders[0] as string, // there is a thread
    indexFolder: folders[1] as string,
    log: daemon.log,
    kill: daemon.kill,
    async stop() {
      await daemon.kill();
      rmSync(folder, { recursive: true, force: true });
      forget();
    },
  };
  try {
    const files = threads.reduce((sum, { index }) => sum + countFiles(index), 0);
    await eventually(async () => (await currentFiles(running, daemon.isRunning)) === files, {
      timeoutMs: 20_000,
      what: `stenographer's ${files} files`,
    });
  } catch (error) {
    const log = daemon.log();
    await running.stop();
    throw new Error(`stenographer does not serve: ${log}`, { cause: error });
  }
  return running;
}

function countFiles(folder: string): number {
  return readdirSync(folder).filter((name) => !name.startsWith(".")).length;
}

/** What the daemon says of its files, at /debug/stats: `name<TAB>value` lines. */
async function currentFiles({ port, certs }: RunningStenographer, isRunning: () => boolean): Promise<number> {
  if (!isRunning()) throw new Error("stenographer has ended");
  const stats = await new Promise<string>((resolve, reject) => {
    request(
      {
        host: "127.0.0.1",
        port,
        path: "/debug/stats",
        ca: readFileSync(certs.ca),
        cert: readFileSync(certs.cert),
        key: readFileSync(certs.key),
        checkServerIdentity: () => undefined, // stenokeys' certificates have no SAN; the CA is this daemon's own
        agent: false,
      },
      (response) => resolve(text(response)),
    )
      .on("error", reject)
      .end();
  });
  return Number(/^current_files\t(\d+)$/m.exec(stats)?.[1] ?? -1);
}
