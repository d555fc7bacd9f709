import { once } from "node:events";
import type { SocketConstructorOpts } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";

/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. END_STREAM is ACK where there is no stream. */
export const flag = { endStream: 1, endHeaders: 4 } as const;

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export type RawOptions = ConnectionOptions & Pick<SocketConstructorOpts, "allowHalfOpen">;

/** What a client sends first (RFC 9113, section 3.4). */
export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A client that sends what frames it likes, as an attacker does. */
export class RawHttp2 {
  readonly #socket: TLSSocket;
  readonly #ended: Promise<void>;
  #received = Buffer.alloc(0);
  #open = true;
  /** Codes of GOAWAY frames received. */
  readonly goaways: number[] = [];
  /** Streams that the server has reset, with the codes. */
  readonly resets = new Map<number, number>();
  /** Everything received. */
  readonly frames: ReceivedFrame[] = [];

  /** Connects, and sends nothing yet. */
  static async begin(options: RawOptions): Promise<RawHttp2> {
    const socket = connect({ ...options, ALPNProtocols: ["h2"] });
    await once(socket, "secureConnect");
    return new RawHttp2(socket);
  }

  /** Connects, and sends the preface and the settings: pairs of identifier and value. */
  static async connect(
    options: RawOptions,
    settings: readonly (readonly [id: number, value: number])[] = [],
  ): Promise<RawHttp2> {
    const raw = await RawHttp2.begin(options);
    await raw.sendBytes(preface);
    await raw.send(frameType.settings, 0, 0, settingsPayload(settings));
    return raw;
  }

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("error", () => {}); // "close" follows
    socket.on("data", (data: Buffer) => this.#read(data));
    this.#ended = new Promise((resolve) => {
      socket.once("close", () => {
        this.#open = false;
        resolve();
      });
    });
  }

  /** Whether the server has left the connection open. */
  get open(): boolean {
    return this.#open;
  }

  /** Resolves when the connection is closed, by whoever. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Sends one frame; waits where the connection is full. */
  async send(
    type: number,
    flags: number,
    stream: number,
    payload: Uint8Array = new Uint8Array(),
  ): Promise<void> {
    await this.sendBytes(encodeFrame(type, flags, stream, payload));
  }

  /** Sends bytes as they are. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    if (!this.#open || this.#socket.write(bytes)) return;
    const drained = new Promise<void>((resolve) => this.#socket.once("drain", resolve));
    await Promise.race([drained, this.#ended]);
  }

  /** What has come on a stream, in DATA. */
  dataOf(stream: number): Buffer {
    return Buffer.concat(
      this.frames
        .filter((frame) => frame.type === frameType.data && frame.stream === stream)
        .map(({ payload }) => payload),
    );
  }

  /** Reads nothing more from the connection. */
  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 9) {
      const length = this.#received.readUIntBE(0, 3);
      if (this.#received.length < 9 + length) return;
      const [type, flags] = [this.#received.readUInt8(3), this.#received.readUInt8(4)];
      const stream = this.#received.readUInt32BE(5) & 0x7fff_ffff;
      const payload = this.#received.subarray(9, 9 + length);
      this.frames.push({ type, flags, stream, payload });
      if (type === frameType.goaway) this.goaways.push(payload.readUInt32BE(4));
      if (type === frameType.reset) this.resets.set(stream, payload.readUInt32BE(0));
      this.#received = this.#received.subarray(9 + length);
    }
  }
}

/** A frame as it is sent (RFC 9113, section 4.1). */
export function encodeFrame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The payload of a SETTINGS frame. */
export function settingsPayload(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return payload;
}

/** A header block of literal fields that no table remembers (RFC 7541, section 6.2.2). */
export function headerBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.of(0x00),
      hpackLength(name.length),
      Buffer.from(name),
      hpackLength(value.length),
      Buffer.from(value),
    ]),
  );
}

/** An integer with a prefix of seven bits (RFC 7541, section 5.1). */
function hpackLength(length: number): Buffer {
  if (length < 127) return Buffer.of(length);
  const bytes = [127];
  for (length -= 127; length >= 128; length = Math.floor(length / 128)) bytes.push((length % 128) + 128);
  bytes.push(length);
  return Buffer.from(bytes);
}
