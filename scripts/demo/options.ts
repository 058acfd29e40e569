// What `npm run demo` can be told.
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

export interface DemoOptions {
  /** NDJSON file with one object a line; without it the sample tickets are used. */
  readonly input?: string;
  /** Which member of those objects is the text. */
  readonly textField: string;
  readonly type: string;
  /** Jobs; null takes the default of the mode. */
  readonly count: number | null;
  /** Leave the service up until Ctrl-C, and its data where it is. */
  readonly keep: boolean;
  /** Where the results go. */
  readonly output: string;
  readonly real: boolean;
  /** The ceiling of a real run, in dollars; null leaves it as it is, 0.50 for a new run. */
  readonly maxUsd: string | null;
  /** Spend money without asking. */
  readonly yes: boolean;
}

/** Parses arguments; a wrong one, and --help, print and end the process. */
export function parseOptions(argv: readonly string[]): DemoOptions {
  const program = new Command("npm run demo --")
    .description(
      "Runs a few thousand support tickets through both lanes and shows what happens and what it costs.",
    )
    .option("--input <file>", "NDJSON, one object a line (default: sample tickets of our own)")
    .option("--text-field <name>", "the member that holds the text", "text")
    .addOption(
      new Option("--type <name>", "the job type")
        .choices(["classify-intent", "extract-contact", "message"])
        .default("classify-intent"),
    )
    .option("--count <n>", "how many jobs (default: 2000, with --real 20)", positive)
    .option("--output <file>", "where the results go", "results-demo.ndjson")
    .option("--keep", "leave the service up afterwards, until Ctrl-C", false)
    .option("--real", "use the real Anthropic API: this costs money", false)
    .option("--max-usd <dollars>", "ceiling of a real run (default: 0.50)", dollars)
    .option("--yes", "with --real: do not ask before money is spent", false)
    .exitOverride();
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
  const options = program.opts<Omit<DemoOptions, "count" | "maxUsd"> & { count?: number; maxUsd?: string }>();
  return { ...options, count: options.count ?? null, maxUsd: options.maxUsd ?? null };
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

function dollars(text: string): string {
  if (!/^\d{1,4}(\.\d{1,9})?$/.test(text) || Number(text) === 0)
    throw new InvalidArgumentError("It must be dollars above zero, such as 0.50.");
  return text;
}
