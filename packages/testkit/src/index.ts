export { type EventuallyOptions, eventually } from "./eventually.js";
export { openFilesBelow, temporaryFiles } from "./leaks/files.js";
export {
  childProcesses,
  expectNoChildren,
  type ProcessInfo,
  peakResidentBytes,
  processesMentioning,
} from "./leaks/processes.js";
export { deadSockets, type OpenSocket, openSockets } from "./leaks/sockets.js";
export { startTcpProxy, type TcpProxy } from "./network/tcp-proxy.js";
export { type PlainPacket, packetLine, readPcap, withinWindow } from "./oracle/read-pcap.js";
export { tcpdumpSelect } from "./oracle/tcpdump-select.js";
export { type DebianProgram, debianProgram, systemEnvironment } from "./process/debian-program.js";
export { onExit, type Program, run, startProgram } from "./process/program.js";
export { type RunningCapture, startCapture } from "./stenographer/capture-with-stenotype.js";
export { forEachIndexKey, keyKind } from "./stenographer/index-keys.js";
export {
  type RunningStenographer,
  type StenographerSetup,
  startStenographer,
} from "./stenographer/start-stenographer.js";
export type { KeyMaker, StenographerCerts } from "./stenographer/stenographer-keys.js";
export { writeStenographerFiles } from "./stenographer/write-stenographer-files.js";
export { pcapOf } from "./traffic/pcap-of.js";
export { createRandom, type Random } from "./traffic/random.js";
export { writeSyntheticTraffic } from "./traffic/synthetic-traffic.js";
export type { TrafficTruth } from "./traffic/traffic-truth.js";
