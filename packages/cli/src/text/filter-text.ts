import type { FilterDialect } from "@stenogrpc/client/node";
import { printable } from "./printable.js";

const languages = { pcap: "tcpdump's language", stenographer: "Stenographer's language" } as const;

/** A filter and the language it is in: the same text means different things in the two. */
export function filterText(
  filter: string,
  dialect: FilterDialect | null | undefined,
  throughTags: boolean,
): string {
  if (filter === "") return "(every packet)";
  if (!dialect) return printable(filter);
  // Stenographer's looks through them anyway.
  const tags = throughTags && dialect === "pcap" ? ", through VLAN tags" : "";
  return `${printable(filter)} (${languages[dialect]}${tags})`;
}
