import type { Damage as DamageMessage } from "@stenogrpc/protocol";

/** Something in the source that could not be read. */
export interface Damage {
  /** Name of the file, without its folder. */
  readonly file: string;
  /** Capture thread that wrote it, from 0. */
  readonly thread: number;
  /** Block in the file, from 0, where one is concerned. */
  readonly block?: number;
  /** Offset in the file, in bytes, where it is known. */
  readonly offset?: number;
  /** What is wrong, in words. */
  readonly what: string;
  /** Whether packets may be missing for it. */
  readonly losesPackets: boolean;
}

export function readDamage({ file, thread, block, offset, what, losesPackets }: DamageMessage): Damage {
  return {
    file,
    thread,
    ...(block !== undefined && { block }),
    ...(offset !== undefined && { offset: Number(offset) }),
    what,
    losesPackets,
  };
}
