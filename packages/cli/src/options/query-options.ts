import type { FilterDialect } from "@stenogrpc/client/node";
import { type Command, Option } from "commander";
import { reasonArgument } from "./arguments.js";

/** How a filter is read, and what is wanted of the packets: options of the commands, and columns of a batch. */
export interface QueryOptions {
  dialect?: FilterDialect;
  anyVlan?: boolean;
  restoreVlan?: boolean;
  nanoseconds?: boolean;
  reason?: string;
}

/** Adds `--dialect` and `--any-vlan`. */
export function withLanguage(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--dialect <DIALECT>",
        "language of the filter: tcpdump's or Stenographer's (default: pcap; original servers: stenographer)",
      ).choices(["pcap", "stenographer"]),
    )
    .option("--any-vlan", "match through VLAN tags: host 10.0.0.5 finds tagged packets too");
}

/** Adds what is wanted of the packets. */
export function withPacketOptions(command: Command): Command {
  return command
    .option("--restore-vlan", "put back the VLAN tags that the kernel took off, before the filter is matched")
    .option("--reason <TEXT>", "why the packets are needed; kept in the server's audit log", reasonArgument)
    .option("--nanoseconds", "time stamps in nanoseconds; refused where the sensor has only microseconds");
}
