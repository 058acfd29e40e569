// Commands for the operator of the machine: whoever may read the database's address needs no API key. They work on the database
// behind DATABASE_URL or on the embedded one of the data directory, which is joined where it runs and started where it does not.
import { userInfo } from "node:os";
import { newId } from "../config/ids.ts";
import { limits } from "../config/limits.ts";
import { errorCatalogue, ServiceError } from "../domain/errors.ts";
import { createLogger, type Log } from "../observe/log.ts";
import { openPostgres } from "../postgres/embedded/open-postgres.ts";
import { migrate, migrationState } from "../postgres/migrate.ts";
import { openPool, type Pool } from "../postgres/pool.ts";
import type { CliDeps } from "./deps.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { hintsHere } from "./in-options.ts";
import { configOf } from "./settings.ts";
import { sluice } from "./typed.ts";

export interface Operator {
  readonly pool: Pool;
  readonly log: Log;
  readonly newId: () => string;
  /** As it stands in audit events: the user of the operating system. */
  readonly actor: string;
}

/** Opens the database for one command and closes it behind it. */
export async function asOperator<T>(deps: CliDeps, work: (operator: Operator) => Promise<T>): Promise<T> {
  return withDatabase(deps, async ({ pool, log }) => {
    const { pending } = await migrationState(pool);
    if (pending.length > 0)
      throw new CliError(
        exitCodes.refused,
        `The database has not been set up: ${pending.join(", ")} missing.`,
        {
          hint: `Run ${sluice} migrate, or start the service once.`,
        },
      );
    return work({ pool, log, newId, actor: `operator:${userName()}` });
  });
}

/** Opens a database for a restore, which makes its tables itself. */
export async function asRestorer<T>(
  deps: CliDeps,
  work: (restorer: Operator & { readonly database: string }) => Promise<T>,
): Promise<T> {
  return withDatabase(deps, ({ pool, log, database }) =>
    work({ pool, log, database, newId, actor: `operator:${userName()}` }),
  );
}

/** Brings the database to the state of this code; the names of what was applied now. */
export async function migrateDatabase(deps: CliDeps): Promise<{ applied: string[]; database: string }> {
  return withDatabase(deps, async ({ pool, log, database }) => ({
    applied: await migrate(pool, log),
    database,
  }));
}

interface OpenDatabase {
  readonly pool: Pool;
  readonly log: Log;
  /** For people, without secrets. */
  readonly database: string;
}

async function withDatabase<T>(deps: CliDeps, work: (open: OpenDatabase) => Promise<T>): Promise<T> {
  const { databaseUrl, dataDir } = configOf(deps);
  // Standard output is the command's result; only what went wrong is worth a line beside it.
  const log = createLogger({
    level: "error",
    format: "line",
    fieldCharsMax: limits.logFieldCharsMax,
    destination: deps.stderr,
  });
  const postgres = await openPostgres({ databaseUrl, dataDir, log });
  try {
    const pool = openPool(postgres.url, { max: 2, applicationName: "sluice-cli", log });
    try {
      return await work({ pool, log, database: postgres.describe });
    } finally {
      await pool.end();
    }
  } finally {
    await postgres.close();
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user need not have a name.
    return "unknown";
  }
}

/** Faults of the stores as the command line tells them. */
export function asCliError(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error;
  const away = error.code === "database_unavailable" || error.code === "queue_unavailable";
  return new CliError(
    away ? exitCodes.unreachable : exitCodes.refused,
    [error.message, error.detail].filter((part) => part !== undefined && part !== "").join(" "),
    {
      hint: `${hintsHere[error.code] ?? errorCatalogue[error.code].hint} (${error.code})`,
      fields: error.fields,
    },
  );
}
