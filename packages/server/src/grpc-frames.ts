/** Bytes in front of each gRPC message: a flag, and four bytes of length. */
export const envelopeBytes = 5;

/** Protobuf tags of Response: field number << 3 | 2, for what has a length. */
const uidTag = (1 << 3) | 2;
const pcapTag = (2 << 3) | 2;

const encoder = new TextEncoder();

/** Encodes what comes before the packets of a message, and remembers the last: an answer's messages are alike. */
export class PcapPrefixes {
  #uid = "";
  #pcapBytes = -1;
  #prefix: Uint8Array = new Uint8Array(0);

  /** As `encodePcapPrefix`. Not to be changed. */
  of(uid: string, pcapBytes: number): Uint8Array {
    if (uid !== this.#uid || pcapBytes !== this.#pcapBytes) {
      this.#uid = uid;
      this.#pcapBytes = pcapBytes;
      this.#prefix = encodePcapPrefix(uid, pcapBytes);
    }
    return this.#prefix;
  }
}

/**
 * What comes before the packets of a message that carries only `uid` and `pcap`: the envelope, the uid, and the tag and
 * length of the pcap field. With `pcapBytes` bytes of pcap behind it, it is the message that protobuf would have encoded.
 */
export function encodePcapPrefix(uid: string, pcapBytes: number): Uint8Array {
  const name = encoder.encode(uid);
  const uidField = name.length === 0 ? 0 : 1 + varintBytes(name.length) + name.length;
  const pcapField = pcapBytes === 0 ? 0 : 1 + varintBytes(pcapBytes);
  const prefix = new Uint8Array(envelopeBytes + uidField + pcapField);
  new DataView(prefix.buffer).setUint32(1, uidField + pcapField + pcapBytes);
  let at = envelopeBytes;
  if (uidField > 0) {
    prefix[at++] = uidTag;
    at = writeVarint(prefix, at, name.length);
    prefix.set(name, at);
    at += name.length;
  }
  if (pcapField > 0) {
    prefix[at++] = pcapTag;
    writeVarint(prefix, at, pcapBytes);
  }
  return prefix;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 0x7f) {
    target[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  target[at++] = rest;
  return at;
}
