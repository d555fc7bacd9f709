import { expect, it } from "vitest";
import { filterText } from "./filter-text.js";

it.each([
  ["port 53", "pcap", false, "port 53 (tcpdump's language)"],
  ["port 53", "pcap", true, "port 53 (tcpdump's language, through VLAN tags)"],
  ["port 53", "stenographer", true, "port 53 (Stenographer's language)"],
  ["port\u001b 53", null, true, "port\uFFFD 53"],
  ["", undefined, false, "(every packet)"],
] as const)(
  "says beside a filter which language it is in: %j, %s, %s",
  (filter, dialect, throughTags, words) => {
    expect(filterText(filter, dialect, throughTags)).toBe(words);
  },
);
