import { describe, expect, it } from "vitest";
import { ipProtocolByName, portByName, registeredNames } from "./names.js";

describe("the tables of names", () => {
  it("have a number for each name, also where a line ends", () => {
    for (const name of registeredNames().ports) {
      expect(name).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(portByName(name)?.port).toBeGreaterThan(0);
    }
    for (const name of registeredNames().ipProtocols) {
      expect(name).toMatch(/^[A-Za-z0-9.-]+$/);
      expect(ipProtocolByName(name)).toBeGreaterThanOrEqual(0);
    }
    expect(portByName("tacacs")).toEqual({ port: 49, transport: undefined });
    expect(portByName("snmp-trap")).toEqual({ port: 162, transport: undefined });
    expect(portByName("mail")).toEqual({ port: 25, transport: "tcp" });
    expect(ipProtocolByName("eigrp")).toBe(88);
    expect(ipProtocolByName("sctp")).toBe(132);
  });
});
