import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FrameComposer } from "./frame-composer.js";
import { createTruth, type TrafficTruth } from "./traffic-truth.js";

/** What to generate. The same options give the same bytes on every machine. */
export interface TrafficOptions {
  readonly packets: number;
  /** Default 1. */
  readonly seed?: number;
  /** Time of the beginning, in seconds since the epoch. Default 1 700 000 000. */
  readonly start?: number;
  /** Mean rate; gaps are exponential, in whole microseconds. Default 20 000. */
  readonly packetsPerSecond?: number;
  /** The longest payload in bytes, at most 60 000. Default 1200. */
  readonly maxPayload?: number;
  /** Without VLAN tags and MPLS labels. Default false. */
  readonly plain?: boolean;
}

/** Traffic that is known before it is looked at. */
export interface SyntheticTraffic {
  /** The pcap file (little-endian, microseconds, Ethernet) in pieces of about a mebibyte. */
  readonly chunks: Iterable<Uint8Array>;
  /** What is in it; complete when `chunks` has ended. */
  readonly truth: TrafficTruth;
}

const chunkBytes = 1024 * 1024;
const longestRecordBytes = 16 + 61_000;

/**
 * TCP, UDP, ICMP, ICMPv6, GRE, SCTP, ARP and an unknown Ethernet type; IPv4 and IPv6, with hop-by-hop headers and
 * fragments; 802.1Q, QinQ and one or two MPLS labels. Generated as it is pulled, so memory does not grow with it.
 */
export function syntheticTraffic(options: TrafficOptions): SyntheticTraffic {
  const truth = createTruth();
  return { chunks: generate(options, truth), truth };
}

/** Writes synthetic traffic to a pcap file. */
export async function writeSyntheticTraffic(path: string, options: TrafficOptions): Promise<TrafficTruth> {
  const { chunks, truth } = syntheticTraffic(options);
  await pipeline(Readable.from(chunks), createWriteStream(path));
  return truth;
}

function* generate(options: TrafficOptions, truth: TrafficTruth): Generator<Uint8Array> {
  const { packets, seed = 1, start = 1_700_000_000, packetsPerSecond = 20_000 } = options;
  const { maxPayload = 1200, plain = false } = options;
  const composer = new FrameComposer(seed, { maxPayload, isPlain: plain }, truth);
  const { frame } = composer;
  yield fileHeader();

  let timestampNs = BigInt(Math.round(start * 1e6)) * 1000n;
  truth.firstNs = timestampNs;
  let chunk = Buffer.allocUnsafe(chunkBytes);
  let at = 0;
  for (let ordinal = 0; ordinal < packets; ordinal++) {
    if (at + longestRecordBytes > chunkBytes) {
      yield chunk.subarray(0, at);
      chunk = Buffer.allocUnsafe(chunkBytes);
      at = 0;
    }
    if (ordinal > 0) timestampNs += composer.gapNs(packetsPerSecond);
    composer.compose(ordinal);
    chunk.writeUInt32LE(Number(timestampNs / 1_000_000_000n), at);
    chunk.writeUInt32LE(Number((timestampNs % 1_000_000_000n) / 1000n), at + 4);
    chunk.writeUInt32LE(frame.length, at + 8);
    chunk.writeUInt32LE(frame.length, at + 12);
    frame.bytes.copy(chunk, at + 16, 0, frame.length);
    at += 16 + frame.length;
    truth.pcapBytes += 16 + frame.length;
    truth.lastNs = timestampNs;
  }
  yield chunk.subarray(0, at);
}

function fileHeader(): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20); // LINKTYPE_ETHERNET
  return header;
}
