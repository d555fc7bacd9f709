import { describe, expect, it } from "vitest";
import type { ClientIdentity } from "../identity.js";
import { compileRules, type RuleOptions } from "./rules.js";

const roles = ["analyst", "helpdesk"];

function identity(names: Partial<ClientIdentity>): ClientIdentity {
  return {
    commonName: undefined,
    subject: "",
    subjectAltName: undefined,
    fingerprint256: "AB:".repeat(31).concat("AB"),
    dns: [],
    uris: [],
    emails: [],
    ips: [],
    ...names,
  };
}

function roleOf(names: Partial<ClientIdentity>, ...rules: RuleOptions[]): string | undefined {
  return compileRules(rules, roles)(identity(names));
}

describe("rules", () => {
  it("give the role of the first that is about the identity, and none where none is", () => {
    const rules: RuleOptions[] = [
      { uri: "spiffe://corp/soc/*", role: "analyst" },
      { commonName: "desk", role: "helpdesk" },
    ];
    expect(roleOf({ uris: ["spiffe://corp/soc/a"], commonName: "desk" }, ...rules)).toBe("analyst");
    expect(roleOf({ uris: ["spiffe://corp/ops/a"], commonName: "desk" }, ...rules)).toBe("helpdesk");
    expect(roleOf({ uris: ["spiffe://corp/soc/a/b"], commonName: "desk 2" }, ...rules)).toBeUndefined();
  });

  it("look only at names of their own kind", () => {
    const name = "spiffe://corp/a";
    expect(
      roleOf({ commonName: name, dns: [name], emails: [name] }, { uri: name, role: "analyst" }),
    ).toBeUndefined();
  });

  it("take DNS names in any case, and stars there up to a dot", () => {
    expect(roleOf({ dns: ["Web.Example.org"] }, { dns: "*.example.ORG", role: "analyst" })).toBe("analyst");
    expect(roleOf({ dns: ["a.web.example.org"] }, { dns: "*.example.org", role: "analyst" })).toBeUndefined();
  });

  it("take fingerprints with colons and without", () => {
    expect(roleOf({}, { fingerprint256: "ab".repeat(32), role: "analyst" })).toBe("analyst");
    expect(roleOf({}, { fingerprint256: "AB:".repeat(31).concat("AB"), role: "analyst" })).toBe("analyst");
  });

  it.each<[string, RuleOptions[], RegExp]>([
    [
      "a role that does not exist",
      [{ commonName: "a", role: "admin" }],
      /access\.0: there is no role "admin"/,
    ],
    ["nothing to match", [{ role: "analyst" }], /access\.0: must have exactly one of/],
    ["two things to match", [{ role: "analyst", dns: "a", uri: "b:c" }], /not dns and uri/],
    ["a fingerprint with stars", [{ role: "analyst", fingerprint256: "ab*" }], /32 bytes in hex/],
    ["a DNS name in Unicode", [{ role: "analyst", dns: "ä.example" }], /no DNS name/],
    ["a URI without its scheme", [{ role: "analyst", uri: "corp/a" }], /begin with its scheme/],
    ["an address without @", [{ role: "analyst", email: "a.example" }], /must have one @/],
    [
      "a rule behind one that covers it",
      [
        { role: "analyst", commonName: "web-*" },
        { role: "helpdesk", commonName: "web-1" },
      ],
      /access\.1: never decides: access\.0 comes first/,
    ],
  ])("refuse %s", (_what, rules, message) => {
    expect(() => compileRules(rules, roles)).toThrow(message);
  });
});
