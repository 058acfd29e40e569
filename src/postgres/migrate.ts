// Migrations are plain files, `0001_foundation.sql` and on: each number once, forward only, one transaction each, never edited once
// applied (their hash is stored and compared). Numbers may have gaps: they are given out before the files are written, and a lower
// one that arrives later is applied later. Any number of processes may call migrate at once: an advisory lock
// lets one work while the others wait and then find nothing to do. A process that dies half way leaves the transaction of one
// file undone and nothing else.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import type { Log } from "../observe/log.ts";
import { withClient, type Client, type Pool } from "./pool.ts";

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
}

interface MigrationState {
  /** Numbers of the files that the database has. */
  readonly applied: readonly number[];
  /** Names of the files it still needs. */
  readonly pending: readonly string[];
}

/** A migration as the database remembers it. */
export interface AppliedRow {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

/** The migrations of this code, by number. */
export const codeMigrations = (): readonly AppliedRow[] =>
  readMigrations(migrationsDir).map(({ number, name, sha256 }) => ({ number, name, sha256 }));

const migrationsDir = join(import.meta.dirname, "migrations");
// The lock's key: any number, the same for every Sluice.
const lockKey = 7_583_201;

/**
 * Brings the database to the state of this code and returns the names of the files that were applied now; only of those `wanted`,
 * which is for a restore, that first needs the tables of its backup.
 * @throws ServiceError migration_changed, where an applied file was edited; migration_missing, where the database is newer
 */
export async function migrate(
  pool: Pool,
  log: Log,
  dir: string = migrationsDir,
  wanted: (name: string) => boolean = () => true,
): Promise<string[]> {
  const files = readMigrations(dir);
  return withClient(pool, async (client) => {
    // A waiting process is neither a slow statement nor a stuck transaction.
    await client.query(`SET statement_timeout = ${limits.migrationLockTimeoutMs}`);
    await client.query("SELECT pg_advisory_lock($1)", [lockKey]);
    try {
      await client.query("SET statement_timeout = 0");
      await client.query(
        "CREATE TABLE IF NOT EXISTS sluice_migrations (number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
      );
      const pending = pendingOf(files, await appliedRows(client)).filter(({ name }) => wanted(name));
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      for (const file of pending) await apply(client, file, log);
      return pending.map(({ name }) => name);
    } finally {
      await client.query("SELECT pg_advisory_unlock($1)", [lockKey]);
      await client.query("RESET statement_timeout");
    }
  });
}

/** What the database has and what it still needs; changes nothing. Throws as `migrate` does. */
export async function migrationState(pool: Pool, dir: string = migrationsDir): Promise<MigrationState> {
  const files = readMigrations(dir);
  return withClient(pool, async (client) => {
    const found = await client.query<{ present: boolean }>(
      "SELECT to_regclass('sluice_migrations') IS NOT NULL AS present",
    );
    const applied = found.rows[0]?.present === true ? await appliedRows(client) : [];
    return {
      applied: applied.map(({ number }) => number),
      pending: pendingOf(files, applied).map(({ name }) => name),
    };
  });
}

/** The tables that the migrations of this code make: ours, whatever else is in the schema. */
export function migrationTables(): ReadonlySet<string> {
  const made = readMigrations(migrationsDir).flatMap(({ text }) =>
    Array.from(
      text.matchAll(/^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?([a-z_0-9]+)/gim),
      (match) => match[1],
    ),
  );
  return new Set(made.filter((name) => name !== undefined));
}

export async function appliedRows(client: Client): Promise<AppliedRow[]> {
  const { rows } = await client.query<AppliedRow>(
    "SELECT number, name, sha256 FROM sluice_migrations ORDER BY number",
  );
  return rows;
}

async function apply(client: Client, file: Migration, log: Log): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query(file.text);
    await client.query("INSERT INTO sluice_migrations (number, name, sha256) VALUES ($1, $2, $3)", [
      file.number,
      file.name,
      file.sha256,
    ]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
  log.event("database.migrated", { migration: file.name });
}

function pendingOf(files: readonly Migration[], applied: readonly AppliedRow[]): Migration[] {
  for (const row of applied) {
    const file = files.find(({ number }) => number === row.number);
    if (file === undefined)
      throw new ServiceError("migration_missing", {
        detail: `The database has ${row.name}, this code does not.`,
      });
    if (file.sha256 !== row.sha256)
      throw new ServiceError("migration_changed", { detail: `${file.name} differs from what was applied.` });
  }
  return files.filter(({ number }) => !applied.some((row) => row.number === number));
}

function readMigrations(dir: string): Migration[] {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith(".sql"))
    .toSorted();
  const seen = new Set<number>();
  return names.map((name) => {
    const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
    if (!Number.isInteger(number) || seen.has(number))
      throw new ServiceError("migration_missing", {
        detail: `${name} has no number of its own.`,
      });
    seen.add(number);
    const text = readFileSync(join(dir, name), "utf8");
    return { number, name, sha256: createHash("sha256").update(text).digest("hex"), text };
  });
}
