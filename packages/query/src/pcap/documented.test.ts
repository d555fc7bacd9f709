import { describe, expect, it } from "vitest";
import {
  documentedFilters,
  documentedFiltersWithNames,
  withAddresses,
} from "../../test-support/documented-filters.js";
import { compileFilter } from "../compile-filter.js";
import { parseFilter } from "../parse-filter.js";
import { printFilter } from "../print-filter.js";

describe("the filters that pcap-filter(7) and tcpdump(8) write out", () => {
  it.each([...documentedFilters, ...documentedFiltersWithNames.map(withAddresses)])(
    "%j is read, and printed to what is read as the same",
    (text) => {
      const filter = parseFilter(text, { dialect: "pcap" });
      expect(parseFilter(printFilter(filter), { dialect: "pcap" })).toEqual(filter);
      expect(compileFilter(filter, { linkType: 1 })).toBeTypeOf("function");
    },
  );

  it.each(documentedFiltersWithNames)("%j is refused for its names", (text) => {
    expect(() => parseFilter(text, { dialect: "pcap" })).toThrow(
      /" is not an IP address at column .*Names are not looked up: a sensor does no DNS\. Write the address/,
    );
  });

  it.each(["gateway snup and (port ftp or ftp-data)", "gateway snup and ip[2:2] > 576"])(
    "%j is refused as libpcap with IPv6 refuses it",
    (text) => {
      expect(() => parseFilter(text, { dialect: "pcap" })).toThrow('"gateway" needs a host\'s name');
    },
  );

  it.each([
    "wlan addr2 0:2:3:4:5:6",
    "wlan ra 0:2:3:4:5:6",
    "type mgt subtype beacon",
    "dir nods",
    "ifname em0",
    "rulenum 1",
    "reason match",
    "action pass",
    "vpi 1",
    "oamf4",
  ])("%j is refused with what it is about", (text) => {
    expect(() => parseFilter(text, { dialect: "pcap" })).toThrow(/ is about (IEEE 802\.11|ATM|OpenBSD)/);
  });
});
