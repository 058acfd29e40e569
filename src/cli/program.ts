// The command line: its commands, and how their ends become exit codes (exit-codes.ts). Later parts of Sluice add their commands
// to `createProgram`.
import { Command, CommanderError } from "commander";
import { addAccessCommands } from "./commands/access.ts";
import { addBoundCommands } from "./commands/bound.ts";
import { addBudgetCommands } from "./commands/budget.ts";
import { addAlertCommands } from "./commands/alerts.ts";
import { addDrillCommand } from "./commands/drill.ts";
import { addBulkCommands } from "./commands/bulk.ts";
import { addBackupCommands } from "./commands/backup.ts";
import { addLedgerCommands } from "./commands/ledger.ts";
import { addProcessCommands } from "./commands/process.ts";
import { addQuoteCommands } from "./commands/quote.ts";
import { addQueueCommands } from "./commands/queue.ts";
import { addSqlCommand } from "./commands/sql.ts";
import { addStopCommands } from "./commands/stop.ts";
import { Context } from "./context.ts";
import type { CliDeps } from "./deps.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { hintInOptions, wrongLine } from "./in-options.ts";
import { asCliError } from "./operator.ts";
import { asTyped, sluice } from "./typed.ts";

interface ProgramOptions {
  readonly version: string;
}

/** The program with all commands. Parsing throws what went wrong; `runCli` turns it into words and an exit code. */
export function createProgram(context: Context, { version }: ProgramOptions): Command {
  const { stdout, stderr } = context.deps;
  const program = new Command(asTyped(sluice, context.deps))
    .description("Runs bulk LLM work on the Anthropic API: capped on cost, paced, batched at half price.")
    .version(version)
    .showHelpAfterError(`(${sluice} --help lists the commands)`)
    .exitOverride()
    // An option belongs to the command it stands behind: `stops` and `stops show` both take --json.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => stdout.write(asTyped(text, context.deps)),
      writeErr: (text) => stderr.write(asTyped(text, context.deps)),
    });
  addProcessCommands(program, context);
  addBulkCommands(program, context);
  addQuoteCommands(program, context);
  addQueueCommands(program, context);
  addBudgetCommands(program, context);
  addBoundCommands(program, context);
  addAlertCommands(program, context);
  addStopCommands(program, context);
  addDrillCommand(program, context);
  addSqlCommand(program, context);
  addAccessCommands(program, context);
  addLedgerCommands(program, context);
  addBackupCommands(program, context);
  return program;
}

/**
 * Runs one command.
 * @param argv arguments without the program's own name
 * @returns the exit code (exit-codes.ts); what `start` was given by the service
 */
export async function runCli(
  argv: readonly string[],
  deps: CliDeps,
  options: ProgramOptions,
): Promise<number> {
  const context = new Context(deps);
  const program = createProgram(context, options);
  let command: Command | undefined;
  program.hook("preAction", (_, acting) => void (command = acting));
  try {
    await program.parseAsync([...argv], { from: "user" });
    return context.exitCode;
  } catch (error) {
    // Commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const told = asCliError(error);
    if (!(told instanceof CliError)) throw error;
    deps.stderr.write(asTyped(`${errorLines(told, command ?? program).join("\n")}\n`, deps));
    return told.exitCode;
  }
}

/** What is wrong, where, and what to do about it, in the words of the command that was typed. */
const errorLines = ({ message, fields, details, hint }: CliError, command: Command): string[] => [
  `error: ${message}`,
  ...fields.map((field) => `  ${wrongLine(field, command)}`),
  ...details.map((detail) => `  ${detail}`),
  hintInOptions(hint, command),
];
