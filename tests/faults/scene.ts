import { chmodSync, cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import {
  debianProgram,
  type RunningStenographer,
  run,
  startStenographer,
  writeStenographerFiles,
  writeSyntheticTraffic,
} from "@stenogrpc/testkit";
import { createWorkplace, type Workplace } from "../real/support/sensor.js";
import { KnownCapture } from "./known-capture.js";
import { type LyingDaemon, startLyingDaemon } from "./lying-daemon.js";
import { settingsFor } from "./serve.js";
import { Target } from "./target.js";

/** The kinds of source, each behind a server of its own. */
export const sourceKinds = ["directory", "stenoread", "stenographer", "stenographer-files"] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** Everything that faults happen to. */
export interface Scene {
  readonly workplace: Workplace;
  readonly capture: KnownCapture;
  readonly targets: Readonly<Record<SourceKind | "clock" | "audited", Target>>;
  /** Folders whose files a source reads, to damage them. */
  readonly folders: { readonly captures: string; readonly packets: string; readonly index: string };
  readonly daemon: RunningStenographer;
  readonly lyingDaemon: LyingDaemon;
  /** What `stenoread` does from now on: lines of bash, with the answer in $ANSWER. Undefined: Debian's own. */
  playStenoread(script?: string): void;
  /** Puts back every file that a source reads. */
  restoreFiles(): void;
  /** A small disk, with the audit log of the server "audited" on it. */
  readonly auditDisk: string;
  /** What libfaketime adds to the clock of the server "clock", as "+3600". */
  stepClock(offset: string): void;
  close(): Promise<void>;
}

const fakeTime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/**
 * Generates the capture, starts a Stenographer that serves it, and describes a server of each kind.
 *
 * @param servers what the servers find in their environment besides, and their limits where they are others than a campaign's
 */
export async function setScene(
  servers: { readonly env?: Record<string, string>; readonly limits?: object } = {},
): Promise<Scene> {
  const workplace = await createWorkplace();
  const { path } = workplace;
  await writeSyntheticTraffic(path("known.pcap"), {
    packets: 10_000,
    maxPayload: 1400,
    packetsPerSecond: 200,
  });
  const capture = new KnownCapture(path("known.pcap"));
  const masters = path("masters");
  for (const name of ["captures", "packets", "index"]) mkdirSync(`${masters}/${name}`, { recursive: true });
  capture.writePart(`${masters}/captures/a.pcap`, 0, 0.3);
  capture.writePart(`${masters}/captures/b.pcap`, 0.3, 0.7);
  capture.writePart(`${masters}/captures/c.pcap`, 0.7, 1);
  writeStenographerFiles(capture.path, `${masters}/packets`, `${masters}/index`, { secondsPerFile: 20 });
  const daemon = await startStenographer({ pcap: capture.path, mode: "files" });
  const lyingDaemon = await startLyingDaemon(daemon);
  const folders = { captures: path("captures"), packets: path("packets"), index: path("index") };

  const command = path("stenoread");
  function playStenoread(script = `exec ${debianProgram("stenoread")} "$@"`): void {
    writeFileSync(`${command}.new`, `#!/bin/bash\nANSWER=${capture.path}\n${script}\n`);
    chmodSync(`${command}.new`, 0o755);
    renameSync(`${command}.new`, command);
  }
  function restoreFiles(): void {
    for (const folder of Object.values(folders)) {
      rmSync(folder, { recursive: true, force: true });
      cpSync(folder.replace(workplace.folder, masters), folder, {
        recursive: true,
        preserveTimestamps: true,
      });
    }
  }
  playStenoread();
  restoreFiles();
  const clockFile = path("clock");
  const stepClock = (offset: string): void => {
    writeFileSync(`${clockFile}.new`, offset);
    renameSync(`${clockFile}.new`, clockFile);
  };
  stepClock("+0");

  const auditDisk = path("audit-disk");
  mkdirSync(auditDisk);
  run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", auditDisk]);

  const target = (
    name: string,
    source: object,
    options: Partial<ConstructorParameters<typeof Target>[3]> = {},
    settings: object = servers.limits === undefined ? {} : { limits: servers.limits },
  ): Target =>
    new Target(name, workplace, settingsFor(workplace.server, source, settings), {
      captures: Object.values(folders),
      ...options,
      env: { ...servers.env, ...options.env },
    });
  const toDaemon = {
    kind: "stenographer",
    config: daemon.configPath,
    host: "127.0.0.1",
    port: lyingDaemon.port,
    verify: "positions",
  };
  const targets = {
    directory: target("directory", { kind: "directory", path: folders.captures }),
    stenoread: target("stenoread", { kind: "stenoread", command, config: daemon.configPath }),
    stenographer: target("stenographer", toDaemon, { daemonPort: lyingDaemon.port }),
    "stenographer-files": target("stenographer-files", {
      kind: "stenographer-files",
      threads: [{ packets: folders.packets, index: folders.index }],
    }),
    audited: target(
      "audited",
      { kind: "directory", path: folders.captures },
      {},
      { audit: { file: `${auditDisk}/audit.log` } },
    ),
    clock: target(
      "clock",
      { kind: "directory", path: folders.captures },
      {
        env: {
          LD_PRELOAD: fakeTime,
          FAKETIME_TIMESTAMP_FILE: clockFile,
          FAKETIME_NO_CACHE: "1",
          // Timers go by the monotonic clock, which no step of the other changes.
          DONT_FAKE_MONOTONIC: "1",
        },
      },
    ),
  };
  return {
    workplace,
    capture,
    targets,
    folders,
    daemon,
    lyingDaemon,
    playStenoread,
    restoreFiles,
    auditDisk,
    stepClock,
    async close() {
      await Promise.all(Object.values(targets).map((each) => each.stop()));
      run("umount", [auditDisk]);
      await lyingDaemon.close();
      await daemon.stop();
      workplace.remove();
      rmSync(`${workplace.folder}-logs`, { recursive: true, force: true });
    },
  };
}
