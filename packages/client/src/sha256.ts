/** A hash that takes bytes as they come. node:crypto's `Hash` fits after a small wrap. */
export interface IncrementalHash {
  update(bytes: Uint8Array): void;
  /** The digest in lower-case hex. Ends the hash. */
  hex(): string;
}

// FIPS 180-4, section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
const roundConstants = fractionalRoots(64, Math.cbrt);
// FIPS 180-4, section 5.3.3: the same of the square roots of the first 8 primes.
const initialState = fractionalRoots(8, Math.sqrt);

const blockBytes = 64;

/**
 * SHA-256 that takes bytes as they come (FIPS 180-4).
 *
 * WebCrypto digests only what lies whole in memory, and an answer may be larger than that; so browsers get this one, in
 * plain JavaScript. Under Node the client uses node:crypto instead.
 */
export function createSha256(): IncrementalHash {
  const state = Uint32Array.from(initialState);
  const block = new Uint8Array(blockBytes);
  const blockView = new DataView(block.buffer);
  const schedule = new Uint32Array(64);
  let inBlock = 0;
  let totalBytes = 0;

  function update(bytes: Uint8Array): void {
    totalBytes += bytes.length;
    let at = 0;
    if (inBlock > 0) {
      at = Math.min(blockBytes - inBlock, bytes.length);
      block.set(bytes.subarray(0, at), inBlock);
      inBlock += at;
      if (inBlock < blockBytes) return;
      compress(state, schedule, blockView, 0);
      inBlock = 0;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; at + blockBytes <= bytes.length; at += blockBytes) compress(state, schedule, view, at);
    block.set(bytes.subarray(at));
    inBlock = bytes.length - at;
  }

  function hex(): string {
    const bits = BigInt(totalBytes) * 8n;
    block[inBlock++] = 0x80;
    if (inBlock > blockBytes - 8) {
      block.fill(0, inBlock);
      compress(state, schedule, blockView, 0);
      inBlock = 0;
    }
    block.fill(0, inBlock);
    blockView.setBigUint64(blockBytes - 8, bits);
    compress(state, schedule, blockView, 0);
    return Array.from(state, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  return { update, hex };
}

/** FIPS 180-4, section 6.2.2, over the 64 bytes at `offset`. */
function compress(state: Uint32Array, w: Uint32Array, view: DataView, offset: number): void {
  for (let t = 0; t < 16; t++) w[t] = view.getUint32(offset + t * 4);
  // Indices below stay within the 64 words of w and the 8 of state: every `!` is for that.
  for (let t = 16; t < 64; t++) {
    const a = w[t - 15]!;
    const b = w[t - 2]!;
    const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
    const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
    w[t] = (w[t - 16]! + s0 + w[t - 7]! + s1) | 0;
  }
  let a = state[0]! | 0;
  let b = state[1]! | 0;
  let c = state[2]! | 0;
  let d = state[3]! | 0;
  let e = state[4]! | 0;
  let f = state[5]! | 0;
  let g = state[6]! | 0;
  let h = state[7]! | 0;
  for (let t = 0; t < 64; t++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + roundConstants[t]! + w[t]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
  state[4] = state[4]! + e;
  state[5] = state[5]! + f;
  state[6] = state[6]! + g;
  state[7] = state[7]! + h;
}

function fractionalRoots(count: number, root: (n: number) => number): Uint32Array {
  const words = new Uint32Array(count);
  for (let found = 0, n = 2; found < count; n++) {
    if (!isPrime(n)) continue;
    // A double keeps 52 bits and the whole part is below 8 (cube) or 5 (square): 32 bits of fraction are exact.
    words[found++] = Math.floor((root(n) % 1) * 2 ** 32);
  }
  return words;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
