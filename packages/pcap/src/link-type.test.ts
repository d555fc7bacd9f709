import { expect, it } from "vitest";
import { LinkType, linkTypeName } from "./index.js";

it("linkTypeName says the name with the number, or the number alone", () => {
  expect(linkTypeName(LinkType.linuxSll2)).toBe("Linux cooked v2 (276)");
  expect(linkTypeName(147)).toBe("link type 147");
});

it("linkTypeName knows every link type that has a name here", () => {
  for (const number of Object.values(LinkType)) expect(linkTypeName(number)).toMatch(/^.+ \(\d+\)$/);
});
