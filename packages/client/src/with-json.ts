/**
 * Gives an object its `toJSON()`, by which JSON.stringify, and so pino, prints it: bigints they would refuse, or print as they are.
 *
 * Nothing else sees it, since it is not enumerable: who compares, spreads or clones the object has a plain one.
 */
export function withJson<T extends object>(value: T, toJson: (value: T) => object): T {
  return Object.defineProperty(value, "toJSON", {
    value: () => toJson(value),
    configurable: true,
    writable: true,
  });
}
