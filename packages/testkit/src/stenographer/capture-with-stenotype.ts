import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../eventually.js";
import { streamPcap } from "../oracle/read-pcap.js";
import { debianProgram } from "../process/debian-program.js";
import { onExit, type Program, run, startProgram } from "../process/program.js";

/** Where to put what stenotype captures. */
export interface StenotypeCapture {
  readonly pcap: string;
  /** A folder for links and logs. */
  readonly work: string;
  readonly packets: string;
  readonly index: string;
  /** Seconds after which stenotype starts a new file. */
  readonly fileAgeSeconds: number;
}

/** stenotype at work, and tcpreplay that sends to it. */
export interface RunningCapture {
  /** Resolves when every packet is in a finished file; rejects where stenotype does not get that far. */
  readonly done: Promise<void>;
  /** Ends both, wherever they are, and removes the wire. */
  stop(): Promise<void>;
}

const captureTimeoutMs = 60_000;
let namespaces = 0;

/** Replays a pcap file as fast as it goes, and waits until the real stenotype has captured exactly its packets. */
export async function captureWithStenotype(capture: StenotypeCapture): Promise<void> {
  const running = await startCapture(capture);
  try {
    await running.done;
  } finally {
    await running.stop();
  }
}

/**
 * Starts to replay a pcap file in a network namespace of its own, where the real stenotype captures exactly its packets. Needs root.
 *
 * stenotype listens on the end of the veth pair that tcpreplay sends from: on the receiving end the kernel has taken
 * the outer VLAN tag off before a capture sees the frame.
 *
 * @param packetsPerSecond how fast; default: as fast as it goes
 */
export async function startCapture(
  capture: StenotypeCapture,
  { packetsPerSecond }: { packetsPerSecond?: number } = {},
): Promise<RunningCapture> {
  const stenotype = debianProgram("stenotype");
  const tcpreplay = debianProgram("tcpreplay");
  const ip = debianProgram("ip");
  const namespace = `steno-test-${process.pid}-${++namespaces}`;
  run(ip, ["netns", "add", namespace]);
  const removed = onExit(() => run(ip, ["netns", "delete", namespace]));
  const programs: Program[] = [];
  const start = (name: string, ...command: string[]): Program => {
    const logPath = join(capture.work, `${name}.log`);
    const program = startProgram(ip, ["netns", "exec", namespace, ...command], { logPath });
    programs.push(program);
    return program;
  };
  const stop = async (): Promise<void> => {
    for (const program of programs) await program.kill();
    removed();
    run(ip, ["netns", "delete", namespace]);
  };
  try {
    makeWire(ip, namespace);
    const links = join(capture.work, "capture");
    mkdirSync(links);
    symlinkSync(capture.packets, join(links, "PKT0"));
    symlinkSync(capture.index, join(links, "IDX0"));
    const sensor = start("stenotype", stenotype, ...flags(capture, links));
    await eventually(() => failIfEnded(sensor) && sensor.log().includes("starting to process packets"), {
      timeoutMs: 10_000,
      what: "stenotype's start",
    });
    const speed = packetsPerSecond === undefined ? "--topspeed" : `--pps=${packetsPerSecond}`;
    const replay = start(
      "tcpreplay",
      tcpreplay,
      "--quiet",
      "--intf1=tap",
      speed,
      "--preload-pcap",
      capture.pcap,
    );
    const done = finish(sensor, replay);
    done.catch(() => {}); // whoever awaits it is told
    return { done, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function finish(sensor: Program, replay: Program): Promise<void> {
  const sent = await replay.ended;
  if (sent !== 0) throw new Error(`tcpreplay did not send everything (${sent}): ${replay.log()}`);
  const end = await Promise.race([sensor.ended, later(captureTimeoutMs)]);
  if (end !== 0) throw new Error(`stenotype did not capture everything (${end}): ${sensor.log()}`);
}

/** A veth pair without IPv6, which would send packets of its own, and with room for frames of 64 KiB. */
function makeWire(ip: string, namespace: string): void {
  run(ip, ["-n", namespace, "link", "add", "tap", "type", "veth", "peer", "name", "far"]);
  for (const end of ["tap", "far"]) {
    const off = `net.ipv6.conf.${end}.disable_ipv6=1`;
    run(ip, ["netns", "exec", namespace, "sysctl", "-qw", off]);
    run(ip, ["-n", namespace, "link", "set", end, "mtu", "65535", "up"]);
  }
}

/** Small, as root without its sandbox, and ending by itself: a second after the last packet. */
function flags({ pcap, fileAgeSeconds }: StenotypeCapture, links: string): string[] {
  let packets = 0;
  for (const _ of streamPcap(pcap)) packets++;
  return [
    "-v",
    "--threads=1",
    `--dir=${links}`,
    "--iface=tap",
    "--blocks=64",
    "--aiops=16",
    "--filesize_mb=4096",
    "--uid=root",
    "--gid=root",
    "--seccomp=none",
    "--no_watchdogs",
    "--blockage_sec=1",
    `--fileage_sec=${fileAgeSeconds}`,
    `--count=${packets}`,
  ];
}

function failIfEnded(sensor: Program): true {
  if (!sensor.isRunning()) throw new Error(`stenotype has ended: ${sensor.log()}`);
  return true;
}

function later(ms: number): Promise<"timeout"> {
  return new Promise((resolve) => {
    setTimeout(() => resolve("timeout"), ms).unref();
  });
}
