/** 10^0 to 10^9. */
const powersOfTen = Array.from({ length: 10 }, (_, exponent) => 10 ** exponent);
const nanosecondsPerSecond = 1_000_000_000;

/**
 * Turns the 64-bit time stamps of one pcapng interface into seconds and nanoseconds, exactly and without BigInt.
 *
 * A resolution finer than a nanosecond is cut off, as in every reader that has only nanoseconds. Numbers suffice because every
 * intermediate value is held below 2^53: the 64 bits are divided in three steps, high word first.
 */
export class PcapngTimestamp {
  /** Whole seconds since the epoch with if_tsoffset added; may lie outside what a pcap record can hold. */
  seconds = 0;
  /** 0 to 999,999,999. */
  nanoseconds = 0;

  private readonly exponent: number;
  private readonly binary: boolean;
  private readonly offsetSeconds: number;

  // The quotient of the last division, as two words, and its remainder.
  private quotientHigh = 0;
  private quotientLow = 0;
  private remainder = 0;

  /** `resolution` is the byte of if_tsresol: 6 is microseconds, 0x80 | 10 is 1/1024 s. */
  constructor(resolution: number, offsetSeconds: number) {
    this.binary = resolution >= 0x80;
    this.exponent = resolution & 0x7f;
    this.offsetSeconds = offsetSeconds;
  }

  /** Sets `seconds` and `nanoseconds` from a time stamp's two unsigned words. */
  convert(high: number, low: number): void {
    if (this.binary) this.convertBinary(high, low);
    else this.convertDecimal(high, low);
    this.seconds += this.offsetSeconds;
  }

  private convertDecimal(high: number, low: number): void {
    let { exponent } = this;
    let [unitsHigh, unitsLow] = [high, low];
    while (exponent > 9 && (unitsHigh > 0 || unitsLow > 0)) {
      // floor(floor(x / a) / b) is floor(x / ab), so finer units may be cut off in steps.
      const step = Math.min(9, exponent - 9);
      this.divide(unitsHigh, unitsLow, powersOfTen[step] as number); // step is 1..9
      unitsHigh = this.quotientHigh;
      unitsLow = this.quotientLow;
      exponent -= step;
    }
    exponent = Math.min(exponent, 9);
    this.divide(unitsHigh, unitsLow, powersOfTen[exponent] as number); // exponent is 0..9
    this.seconds = this.quotientHigh * 2 ** 32 + this.quotientLow;
    this.nanoseconds = this.remainder * (powersOfTen[9 - exponent] as number); // 9 - exponent is 0..9
  }

  private convertBinary(high: number, low: number): void {
    const { exponent } = this;
    if (exponent >= 64) this.seconds = 0;
    else if (exponent >= 32) this.seconds = Math.floor(high / 2 ** (exponent - 32));
    else this.seconds = high * 2 ** (32 - exponent) + Math.floor(low / 2 ** exponent);
    const fractionHigh = exponent >= 64 ? high : exponent > 32 ? high % 2 ** (exponent - 32) : 0;
    const fractionLow = exponent >= 32 ? low : low % 2 ** exponent;
    this.nanoseconds = scaleFraction(fractionHigh, fractionLow, exponent);
  }

  private divide(high: number, low: number, divisor: number): void {
    const quotientHigh = Math.floor(high / divisor);
    // remainder < 10^9 < 2^30, so each of these dividends is below 2^46.
    const upper = (high % divisor) * 0x10000 + (low >>> 16);
    const lower = (upper % divisor) * 0x10000 + (low & 0xffff);
    this.quotientHigh = quotientHigh;
    this.quotientLow = Math.floor(upper / divisor) * 0x10000 + Math.floor(lower / divisor);
    this.remainder = lower % divisor;
  }
}

/** floor(fraction * 10^9 / 2^exponent), by schoolbook multiplication in 16-bit digits. */
function scaleFraction(high: number, low: number, exponent: number): number {
  let carry = (low & 0xffff) * nanosecondsPerSecond;
  const digit0 = carry % 0x10000;
  carry = Math.floor(carry / 0x10000) + (low >>> 16) * nanosecondsPerSecond;
  const digit1 = carry % 0x10000;
  carry = Math.floor(carry / 0x10000) + (high & 0xffff) * nanosecondsPerSecond;
  const digit2 = carry % 0x10000;
  carry = Math.floor(carry / 0x10000) + (high >>> 16) * nanosecondsPerSecond;
  const digit3 = carry % 0x10000;
  const digit4 = Math.floor(carry / 0x10000);
  const shift = exponent % 16;
  // The result is below 10^9 (the fraction is below one), so what is shifted is below 2^46.
  switch (Math.floor(exponent / 16)) {
    case 0:
      return shiftRight(digit0, digit1, digit2, shift);
    case 1:
      return shiftRight(digit1, digit2, digit3, shift);
    case 2:
      return shiftRight(digit2, digit3, digit4, shift);
    case 3:
      return shiftRight(digit3, digit4, 0, shift);
    default:
      // digit4 holds at most 30 bits and starts at bit 64.
      return Math.floor(digit4 / 2 ** (exponent - 64));
  }
}

function shiftRight(digit0: number, digit1: number, digit2: number, bits: number): number {
  return Math.floor((digit0 + digit1 * 0x10000 + digit2 * 2 ** 32) / 2 ** bits);
}
