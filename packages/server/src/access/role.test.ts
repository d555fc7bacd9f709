import { parseOptions } from "@stenogrpc/options";
import { printFilter } from "@stenogrpc/query";
import { describe, expect, it } from "vitest";
import { type RoleOptions, roleOf, roleSchema } from "./role.js";

const parse = (options: RoleOptions) => roleOf(parseOptions("role", roleSchema, options));

describe("a role's nets", () => {
  it("become one filter", () => {
    const { policy } = parse({ nets: ["10.1.2.3/8", "2001:DB8::/32"] });
    expect(policy && printFilter(policy)).toBe("(net 10.0.0.0/8 or net 2001:db8::/32)");
    expect(parse({}).policy).toBeUndefined();
  });

  it.each([
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.0/-1",
    "10.0.0.0/8 ",
    "2001:db8::/129",
    "example.org/8",
    "",
    // The filter language would read it as 10.0.0.0/8, which is not what /8 of an IPv6 address means.
    "::ffff:10.0.0.0/8",
    "::ffff:10.0.0.0/104",
  ])("refuse %s", (network) => {
    expect(() => parse({ nets: [network] })).toThrow(/nets\.0/);
  });

  it("are never an empty list, which would mean no packet to some and every packet to others", () => {
    expect(() => parse({ nets: [] })).toThrow(/nets/);
  });
});

describe("a role's sensors", () => {
  it("are exact or patterns", () => {
    const { allowsSensor } = parse({ sensors: ["core", "edge-*"] });
    expect(["core", "edge-1", "edge-", "core-1", "fra/edge-1"].map(allowsSensor)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
