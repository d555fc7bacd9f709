import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../eventually.js";
import { openFilesBelow, temporaryFiles } from "./files.js";
import { childProcesses, expectNoChildren, peakResidentBytes, processesMentioning } from "./processes.js";
import { deadSockets, openSockets } from "./sockets.js";

describe("childProcesses", () => {
  it("finds children and grandchildren, and none when they are gone", async () => {
    // A shell that waits for two: `exec` would make it one.
    const child = spawn("/bin/sh", ["-c", "sleep 61 & sleep 62 & wait"], { detached: true });
    const pid = child.pid ?? 0;
    const commands = await eventually(() => {
      const found = childProcesses(process.pid).filter(({ parent }) => parent === pid);
      const commands = found.map(({ command }) => command).sort();
      // Between fork and exec a child still has the shell's arguments.
      return commands.filter((command) => command.startsWith("sleep")).length === 2 ? commands : undefined;
    });
    expect(commands).toEqual(["sleep 61", "sleep 62"]);
    expect(() => expectNoChildren(pid)).toThrow(/sleep 61\n.*sleep 62/);
    process.kill(-pid, "SIGKILL");
    await once(child, "exit");
    expectNoChildren(pid);
  });

  it("finds a process by its arguments, whoever its parent is", async () => {
    const child = spawn("sleep", ["61.25"]);
    await eventually(() => processesMentioning("sleep 61.25").length === 1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(processesMentioning("sleep 61.25")).toEqual([]);
  });

  it("reads the peak of a process's memory", () => {
    expect(peakResidentBytes(process.pid)).toBeGreaterThan(20 * 1024 * 1024);
  });
});

describe("openSockets", () => {
  it("sees a connection until it is closed", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens
    const client = connect(port, "127.0.0.1");
    const [accepted] = await once(server, "connection");
    const states = () =>
      openSockets(process.pid)
        .filter(({ localPort, remotePort }) => localPort === port || remotePort === port)
        .map(({ state }) => state)
        .sort();
    expect(states()).toEqual(["established", "established", "listening"]);
    client.destroy();
    accepted.destroy();
    server.close();
    await eventually(() => states().length === 0);
  });
});

describe("deadSockets", () => {
  it("counts a connection that was reset and is held, until it is closed", async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens
    const before = deadSockets(process.pid);
    const client = connect(port, "127.0.0.1");
    const [accepted] = await once(server, "connection");
    expect(deadSockets(process.pid)).toBe(before);
    client.resetAndDestroy();
    await eventually(() => deadSockets(process.pid) === before + 1);
    accepted.destroy();
    server.close();
    await eventually(() => deadSockets(process.pid) === before);
  });
});

describe("temporaryFiles", () => {
  it("finds files in a folder and below, hidden ones too, and those held open", () => {
    const folder = mkdtempSync(join(tmpdir(), "leaks-"));
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", ".hidden"), "");
    writeFileSync(join(folder, "plain"), "");
    expect(temporaryFiles(folder)).toEqual(["plain", "sub/.hidden"]);
    const file = openSync(join(folder, "plain"), "r");
    expect(openFilesBelow(process.pid, folder)).toEqual([join(folder, "plain")]);
    closeSync(file);
    expect(openFilesBelow(process.pid, folder)).toEqual([]);
    rmSync(folder, { recursive: true });
    expect(() => temporaryFiles(folder)).toThrow(/ENOENT/);
  });
});
