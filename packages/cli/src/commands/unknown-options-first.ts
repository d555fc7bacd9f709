import type { Command } from "commander";

/**
 * Has a command name an option that it does not know before one that it lacks: of `--form 1h`, commander would only say that
 * `--from` is not there.
 */
export function unknownOptionsFirst(command: Command): void {
  const required = command.options.filter((option) => option.mandatory);
  for (const option of required) option.makeOptionMandatory(false);
  command.hook("preAction", () => {
    const missing = required.find((option) => command.getOptionValue(option.attributeName()) === undefined);
    if (missing) command.error(`error: required option '${missing.flags}' not specified`);
  });
}
