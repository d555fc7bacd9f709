import { parseArgs } from "node:util";

/**
 * What a campaign's command line says (`--runs 2000 --seed 7`): numbers, with their defaults, and texts, which may be left out.
 * Without `--seed` it is one of the clock's. Ends the process with 2 where an option is unknown or a number is none: a campaign that
 * does nothing must not look like one that found nothing.
 */
export function campaignOptions<Name extends string, Text extends string = never>(
  numbers: Readonly<Record<Name, number>>,
  texts: readonly Text[] = [],
): Record<Name, number> & Partial<Record<Text, string>> {
  const names = Object.keys(numbers) as Name[]; // the record's own
  try {
    const { values } = parseArgs({
      options: Object.fromEntries([...names, ...texts].map((name) => [name, { type: "string" as const }])),
    });
    const parsed = names.map((name) => [name, readNumber(name, values[name]) ?? numbers[name]]);
    return { ...values, ...Object.fromEntries(parsed) };
  } catch (problem) {
    console.error(problem instanceof Error ? problem.message : problem);
    process.exit(2);
  }
}

/** A seed for who names none. */
export function seedOfTheClock(): number {
  return Date.now() % 1_000_000;
}

/** Closes a campaign with its counts alone on a line, for tools that read the last line, and ends the process. */
export function endCampaign({ passed, failed }: { passed: number; failed: number }): never {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`--${name} takes a number, not ${JSON.stringify(text)}`);
  return Number(text);
}
