/** `true` where two types are one and the same, `?` and `readonly` included, else `false`. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/**
 * Compiles only where two types are the same: `sameType<ServerOptions, z.input<typeof schema>>(true)`. Does nothing at run time.
 *
 * An editor shows no documentation of a schema's type. So options have an interface, and this beside their schema.
 */
export function sameType<A, B>(_areSame: Same<A, B>): void {}
