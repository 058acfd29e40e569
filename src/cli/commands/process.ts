// sluice start, migrate, check-config: running the service and looking at what it would run with.
import { type Command, Option } from "commander";
import { effectiveSettings, oddCombinations } from "../../config/config.ts";
import { common, type CommonOptions, type Context } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { migrateDatabase } from "../operator.ts";
import { configOf } from "../settings.ts";
import { table } from "../output.ts";

export function addProcessCommands(program: Command, context: Context): void {
  addStart(program, context);
  addMigrate(program, context);
  addCheckConfig(program, context);
}

function addStart(program: Command, context: Context): void {
  program
    .command("start")
    .description("run the service in the foreground until SIGTERM or SIGINT")
    .addOption(
      new Option("--roles <list>", "what this process does: api,dispatcher,worker,batcher (SLUICE_ROLES)"),
    )
    .addOption(new Option("--host <address>", "address the API listens on (SLUICE_HOST)"))
    .addOption(new Option("--port <number>", "port the API listens on, 0 takes a free one (SLUICE_PORT)"))
    // For Sluice itself: the lanes beside an API end with the process that started them, and report to it.
    .addOption(new Option("--attached").hideHelp())
    .action(async (options: { roles?: string; host?: string; port?: string; attached?: boolean }) => {
      const { deps } = context;
      const environment = {
        ...deps.environment,
        ...(options.roles === undefined ? {} : { SLUICE_ROLES: options.roles }),
        ...(options.host === undefined ? {} : { SLUICE_HOST: options.host }),
        ...(options.port === undefined ? {} : { SLUICE_PORT: options.port }),
      };
      context.end(await deps.start(configOf({ environment }), { attached: options.attached === true }));
    });
}

function addMigrate(program: Command, context: Context): void {
  common(program.command("migrate"))
    .description("bring the database to the state of this version; changes nothing when it is there already")
    .action(async (options: CommonOptions) => {
      const { applied, database } = await migrateDatabase(context.deps);
      context.print(options, { applied, database }, () =>
        applied.length === 0
          ? `Nothing to do: the database is up to date (${database}).`
          : `Applied ${applied.join(", ")} (${database}).`,
      );
    });
}

function addCheckConfig(program: Command, context: Context): void {
  common(program.command("check-config"))
    .description("print every setting in force, secrets masked, and warn about odd combinations")
    .action((options: CommonOptions) => {
      const config = configOf(context.deps);
      const settings = effectiveSettings(config, context.deps.environment);
      const warnings = oddCombinations(config);
      context.print(options, { settings, warnings }, () =>
        [
          table(
            ["NAME", "VALUE", "FROM"],
            settings.map(({ name, value, given }) => [name, value, given ? "environment" : "default"]),
          ),
          ...warnings.map((warning) => `\nwarning: ${warning}`),
        ].join("\n"),
      );
      context.end(exitCodes.done);
    });
}
