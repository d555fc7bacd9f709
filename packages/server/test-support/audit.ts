import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuditChainSetup } from "../src/audit/audit-chain.js";
import { AuditFile } from "../src/audit/audit-file.js";
import { AuditLog } from "../src/audit/audit-log.js";
import type { AuditRecord } from "../src/audit/audit-record.js";
import { silentLogger } from "../src/logger.js";

/** A folder of a test's own, gone at its end. */
export function testFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "audit-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A log whose clock stands still. */
export function testLog(file: string, setup: Partial<AuditChainSetup> = {}): AuditLog {
  const now = () => Date.UTC(2026, 0, 2, 3, 4, 5);
  return new AuditLog({ file, maxBytes: 1e9, keep: undefined, logger: silentLogger, now, ...setup });
}

/** A record of a request that was served, unless a test says otherwise. */
export function auditRecord(record: Partial<AuditRecord> = {}): AuditRecord {
  return {
    time: "2026-01-02T03:04:05.678Z",
    server: "stenogrpc/0.1.0",
    sensor: "sensor-1",
    rpc: "FetchPcap",
    uid: "case-4711",
    identity: {
      name: "analyst",
      subject: "O=Acme\nCN=analyst",
      subjectAltName: "URI:spiffe://acme/analyst",
      fingerprint256: "AA:BB",
    },
    role: "tier-2",
    peer: "10.0.0.7",
    reason: "ticket 4711",
    filter: "host 10.0.0.5",
    dialect: "pcap",
    policy: undefined,
    window: { from: "2026-01-02T03:00:00Z", to: "2026-01-02T03:01:00Z" },
    limits: { maxBytes: 1_000_000, maxPackets: undefined, payloadBytes: undefined },
    outcome: "served",
    code: undefined,
    error: undefined,
    packets: 3,
    pcapBytes: 402,
    sha256: "00".repeat(32),
    durationMs: 12,
    ...record,
  };
}

/** A disk that can be told to fail. */
export interface FailingDisk {
  /** The code of the error; undefined: it works. */
  failWith: string | undefined;
  /** Whether bytes can't be written, after the first ten, or can't be made to last. */
  at: "write" | "sync";
  /** Whether what was written can be cut off while it fails. */
  canCut: boolean;
  /** Writes that were asked for. */
  writes: number;
}

export function failingDisk(disk: Partial<FailingDisk> = {}): FailingDisk {
  return { failWith: undefined, at: "write", canCut: true, writes: 0, ...disk };
}

/** Opens the file of a log on a disk that can fail. */
export function openOn(disk: FailingDisk): (path: string) => Promise<AuditFile> {
  const failure = () => Object.assign(new Error(`${disk.failWith}: told to fail`), { code: disk.failWith });
  const openHandle: typeof open = async (...where) => {
    const handle = await open(...where);
    const { appendFile, datasync, truncate } = handle;
    return Object.assign(handle, {
      async appendFile(bytes: Buffer) {
        disk.writes++;
        const fails = disk.failWith !== undefined && disk.at === "write";
        await appendFile.call(handle, fails ? bytes.subarray(0, 10) : bytes);
        if (fails) throw failure();
      },
      async datasync() {
        // What is cut off may be made to last.
        if (disk.failWith !== undefined && disk.at === "sync" && disk.writes > 0) {
          disk.writes = 0;
          throw failure();
        }
        await datasync.call(handle);
      },
      async truncate(size: number) {
        if (disk.failWith !== undefined && !disk.canCut) throw failure();
        await truncate.call(handle, size);
      },
    });
  };
  return (path) => AuditFile.open(path, openHandle);
}
