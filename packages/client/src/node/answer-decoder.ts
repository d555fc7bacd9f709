import { fromBinary } from "@bufbuild/protobuf";
import { type Response, ResponseSchema } from "@stenogrpc/protocol";
import type { AnswerPart, MessageEnd } from "../answer-part.js";
import { GrowingBytes } from "./growing-bytes.js";

/** Bytes in front of each gRPC message: a flag, and four bytes of length. */
export const envelopeBytes = 5;

/** Protobuf's tag of Response.pcap: field number << 3 | 2, for what has a length. */
const pcapTag = (2 << 3) | 2;

/** Bytes that are no gRPC messages of this contract. */
export class FramingError extends Error {
  override readonly name = "FramingError";
}

/**
 * Takes gRPC messages of FetchPcap apart as their bytes come, without ever putting one together.
 *
 * The bytes of `Response.pcap` are passed on where they lie; what frames them is a few bytes a message. All other fields of a
 * message, which are small, are gathered and decoded by protobuf-es at its end. The formats:
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and https://protobuf.dev/programming-guides/encoding.
 */
export class AnswerDecoder {
  readonly #longestMessageBytes: number;
  /** What the next byte belongs to. */
  #reading: "envelope" | "tag" | "number" | "length" | "field" | "pcap" = "envelope";
  readonly #envelope = new Uint8Array(envelopeBytes);
  #envelopeFilled = 0;
  #messageLeft = 0;
  #fieldLeft = 0;
  #isPcap = false;
  #hasPcap = false;
  /** The tag, number or length that is being read, and how many bytes of it have come. */
  #value = 0;
  #valueBytes = 0;
  /** The message's fields but for pcap, as they came, and where the last of them begins. */
  #others = new GrowingBytes();
  #fieldStart = 0;
  /** The same of the message before: as a rule the uid, and the same in each. */
  #othersBefore = new GrowingBytes();
  #decodedBefore: Response | undefined;
  /** The message's fields but for pcap are known to be those of the message before. */
  #likeBefore = false;

  /** @param longestMessageBytes the longest message that is read */
  constructor(longestMessageBytes: number) {
    this.#longestMessageBytes = longestMessageBytes;
  }

  /**
   * Takes the next bytes. The decoder owns them from then on: bytes of pcap that have framing between them are moved together.
   *
   * @throws FramingError
   */
  push(bytes: Uint8Array): AnswerPart {
    const ends: MessageEnd[] = [];
    let pcapStart = 0;
    let pcapEnd = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#reading === "envelope" && this.#envelopeFilled === 0) at += this.#takeKnownFraming(bytes, at);
      if (this.#reading === "pcap") {
        const step = Math.min(this.#fieldLeft, bytes.length - at);
        if (pcapEnd === 0) pcapStart = pcapEnd = at;
        else bytes.copyWithin(pcapEnd, at, at + step);
        pcapEnd += step;
        at += step;
        this.#advance(step);
      } else if (this.#reading === "field") {
        const step = Math.min(this.#fieldLeft, bytes.length - at);
        this.#others.append(bytes.subarray(at, at + step));
        at += step;
        this.#advance(step);
      } else {
        const byte = bytes[at++] as number; // at < bytes.length
        if (this.#reading === "envelope") this.#takeEnvelope(byte);
        else this.#takeValue(byte);
      }
      if (this.#messageLeft === 0 && this.#reading === "tag" && this.#valueBytes === 0)
        ends.push(this.#endMessage(pcapEnd - pcapStart));
    }
    return { pcap: bytes.subarray(pcapStart, pcapEnd), ends };
  }

  /**
   * Says that no more bytes come.
   *
   * @throws FramingError where they end inside a message
   */
  end(): void {
    if (this.#reading !== "envelope" || this.#envelopeFilled > 0)
      throw new FramingError("the answer ends inside a message");
  }

  /**
   * Takes all that frames a message at once: where it lies here whole, the other fields are those of the message before, and the
   * packets come last, as in nearly every message. Otherwise takes nothing.
   *
   * @returns bytes taken
   */
  #takeKnownFraming(bytes: Uint8Array, start: number): number {
    const tagAt = start + envelopeBytes + this.#othersBefore.length;
    const mostLengthBytes = 4;
    if (
      this.#decodedBefore === undefined ||
      tagAt + mostLengthBytes >= bytes.length ||
      bytes[tagAt] !== pcapTag ||
      bytes[start] !== 0 ||
      !this.#othersBefore.isAt(bytes, start + envelopeBytes)
    )
      return 0;
    const messageBytes = readUint32(bytes, start + 1);
    let pcapAt = tagAt + 1;
    let pcapBytes = 0;
    let byte = 0x80;
    for (let bits = 0; (byte & 0x80) !== 0 && bits < 7 * mostLengthBytes; bits += 7) {
      byte = bytes[pcapAt++] as number; // there are that many
      pcapBytes |= (byte & 0x7f) << bits;
    }
    const framingBytes = pcapAt - start;
    const isWhole = (byte & 0x80) === 0 && pcapBytes > 0;
    if (!isWhole || messageBytes > this.#longestMessageBytes) return 0;
    if (envelopeBytes + messageBytes !== framingBytes + pcapBytes) return 0;
    this.#likeBefore = true;
    this.#messageLeft = this.#fieldLeft = pcapBytes;
    this.#reading = "pcap";
    return framingBytes;
  }

  #takeEnvelope(byte: number): void {
    this.#envelope[this.#envelopeFilled++] = byte;
    if (this.#envelopeFilled < envelopeBytes) return;
    this.#envelopeFilled = 0;
    const flags = this.#envelope[0];
    if (flags !== 0)
      throw new FramingError(`a message is compressed, or has flags that are not known: ${flags}`);
    const length = readUint32(this.#envelope, 1);
    if (length > this.#longestMessageBytes)
      throw new FramingError(
        `a message has ${length} bytes, more than the ${this.#longestMessageBytes} allowed`,
      );
    this.#messageLeft = length;
    this.#reading = "tag";
  }

  /** Takes a byte of a tag, a number or a length: seven bits each, the low ones first. */
  #takeValue(byte: number): void {
    if (this.#messageLeft === 0) throw new FramingError("a message ends inside a field");
    this.#messageLeft--;
    this.#others.appendByte(byte);
    this.#value += (byte & 0x7f) * 2 ** (7 * this.#valueBytes);
    this.#valueBytes++;
    // Tags and lengths have 32 bits, numbers 64.
    if (this.#valueBytes > (this.#reading === "number" ? 10 : 5))
      throw new FramingError("a tag, a number or a length has too many bytes");
    if ((byte & 0x80) !== 0) return;
    const value = this.#value;
    this.#value = 0;
    this.#valueBytes = 0;
    if (this.#reading === "tag") this.#startField(value);
    else if (this.#reading === "length") this.#startBytes(value);
    else this.#endField();
  }

  #startField(tag: number): void {
    this.#isPcap = tag === pcapTag;
    const wireType = tag % 8;
    if (wireType === 0) this.#reading = "number";
    else if (wireType === 1) this.#startBytes(8);
    else if (wireType === 2) this.#reading = "length";
    else if (wireType === 5) this.#startBytes(4);
    else throw new FramingError(`a field has the wire type ${wireType}`);
  }

  #startBytes(length: number): void {
    if (length > this.#messageLeft) throw new FramingError("a field is longer than its message");
    if (this.#isPcap) {
      // Protobuf would have the last one count; the first has been passed on.
      if (this.#hasPcap) throw new FramingError("a message has its packets twice");
      this.#hasPcap = true;
      this.#others.cutTo(this.#fieldStart);
    }
    this.#fieldLeft = length;
    this.#reading = this.#isPcap ? "pcap" : "field";
    if (length === 0) this.#endField();
  }

  #advance(bytes: number): void {
    this.#fieldLeft -= bytes;
    this.#messageLeft -= bytes;
    if (this.#fieldLeft === 0) this.#endField();
  }

  #endField(): void {
    this.#fieldStart = this.#others.length;
    this.#reading = "tag";
  }

  #endMessage(at: number): MessageEnd {
    this.#reading = "envelope";
    const { uid, status, summary } =
      this.#likeBefore && this.#decodedBefore ? this.#decodedBefore : this.#decode();
    this.#likeBefore = false;
    return { at, uid, status, summary };
  }

  /** The other fields of a message that has been read byte by byte. */
  #decode(): Response {
    if (this.#decodedBefore === undefined || !this.#others.equals(this.#othersBefore))
      this.#decodedBefore = decodeResponse(this.#others.view);
    [this.#others, this.#othersBefore] = [this.#othersBefore, this.#others];
    this.#others.cutTo(0);
    this.#fieldStart = 0;
    this.#hasPcap = false;
    return this.#decodedBefore;
  }
}

function decodeResponse(bytes: Uint8Array): Response {
  try {
    // A copy: what is decoded has views of it.
    return fromBinary(ResponseSchema, bytes.slice());
  } catch (error) {
    throw new FramingError("a message can't be decoded", { cause: error });
  }
}

/** Four bytes, the highest first; there are that many. */
function readUint32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) value = value * 256 + (bytes[i] as number);
  return value;
}
