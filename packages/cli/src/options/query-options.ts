import { type ExplainOptions, type FilterDialect, formatTime } from "@stenogrpc/client/node";
import { type Command, Option } from "commander";
import { UsageError } from "../usage-error.js";
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

/** The language that a filter is read in. */
export function dialectOf({ dialect }: QueryOptions, originalServer: boolean): FilterDialect {
  return dialect ?? (originalServer ? "stenographer" : "pcap");
}

/** The same for the client, with the window: as text, since it refuses bigints before 1973, which may be in another unit. */
export function clientQuery(window: { startNs: bigint; endNs: bigint }, options: QueryOptions) {
  return {
    from: formatTime(window.startNs),
    to: formatTime(window.endNs),
    dialect: options.dialect,
    vlanTransparent: options.anyVlan,
    restoreVlanTags: options.restoreVlan,
    timestampResolution: options.nanoseconds ? "nanoseconds" : undefined,
    reason: options.reason,
  } satisfies ExplainOptions;
}

/** Refuses what an original server would drop in silence. Throws UsageError. */
export function refuseForOriginal(options: QueryOptions & { requireCoverage?: boolean }): void {
  const refused = [
    options.dialect === "pcap" && "--dialect pcap",
    options.anyVlan && "--any-vlan",
    options.restoreVlan && "--restore-vlan",
    options.nanoseconds && "--nanoseconds",
    options.reason !== undefined && "--reason",
    options.requireCoverage && "--require-coverage",
  ].filter((option) => typeof option === "string");
  if (refused.length === 0) return;
  throw new UsageError(
    `${refused.join(", ")}: an original server reads Stenographer's language and knows no more; leave it out`,
  );
}
