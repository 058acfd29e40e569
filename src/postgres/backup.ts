// What a backup reads and a restore writes: whole tables as COPY text, in one snapshot on the way out and in one transaction on the
// way in. Names come from the catalogue (or from a backup whose tables were compared with it) and are quoted; they cannot be parameters.

import type { Readable, Writable } from "node:stream";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { limits } from "../config/limits.ts";
import { databaseFault, withClient } from "./pool.ts";
import type { Client, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import { appliedRows, migrationTables } from "./migrate.ts";
import type { AppliedRow } from "./migrate.ts";

const tableRows = query("backup/tables");
const sequenceRows = query("backup/sequences");
const snapshotRow = queryOne("backup/snapshot");
const setSequence = query("restore/set-sequence");

export interface BackupTable {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface Sequence {
  readonly name: string;
  readonly lastValue: bigint;
}

/** What can be read of one snapshot. */
export interface Snapshot {
  readonly at: Date;
  readonly migrations: readonly AppliedRow[];
  /** Those that others point to come first. */
  readonly tables: readonly BackupTable[];
  copy(table: BackupTable): Readable;
  /** To be read after the tables. */
  sequences(): Promise<Sequence[]>;
}

/** Reads one snapshot, however long it takes; nothing that others write meanwhile is in it, and nobody waits for it. */
export async function withSnapshot<T>(pool: Pool, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    try {
      await liftTimeouts(client);
      const at = (await snapshotRow(client, []))?.at;
      if (at === undefined) throw new Error("a database without a time");
      const result = await work({
        at,
        migrations: await appliedRows(client),
        tables: await readTables(client),
        copy: (table) => client.query(copyTo(`COPY ${target(client, table)} TO STDOUT`)),
        sequences: async () =>
          (await sequenceRows(client, [])).rows.map((row) => ({ name: row.name, lastValue: row.last_value })),
      });
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw databaseFault(error);
    }
  });
}

/** Our tables, each behind those it points to. */
export async function readTables(client: Client): Promise<BackupTable[]> {
  const ours = migrationTables();
  const rows = (await tableRows(client, [])).rows.filter(({ name }) => ours.has(name));
  const sorted: BackupTable[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    const row = rows.find((each) => each.name === name);
    if (row === undefined || seen.has(name)) return;
    seen.add(name);
    for (const needed of row.needs) visit(needed);
    sorted.push({ name: row.name, columns: row.columns });
  };
  for (const row of rows) visit(row.name);
  return sorted;
}

/**
 * Empties our tables for a restore and silences their triggers until the end of the transaction: rows arrive as they were, their
 * counts and hashes among them. Everybody else waits.
 */
export async function emptyTables(client: Client, tables: readonly BackupTable[]): Promise<void> {
  await liftTimeouts(client);
  await client.query(`SET LOCAL lock_timeout = ${limits.statementTimeoutMs}`);
  for (const table of tables)
    // oxlint-disable-next-line no-await-in-loop -- one connection
    await client.query(`ALTER TABLE ${client.escapeIdentifier(table.name)} DISABLE TRIGGER USER`);
  const names = tables.map((table) => client.escapeIdentifier(table.name));
  await client.query(`TRUNCATE ${names.join(", ")}`);
}

/** Takes COPY text; `end` it and wait for `finish`. */
export const copyInto = (client: Client, table: BackupTable): Writable =>
  client.query(copyFrom(`COPY ${target(client, table)} FROM STDIN`));

/** Wakes the triggers again and lets the sequences go on behind what was restored. */
export async function finishTables(
  client: Client,
  tables: readonly BackupTable[],
  sequences: readonly Sequence[],
): Promise<void> {
  for (const table of tables)
    // oxlint-disable-next-line no-await-in-loop -- one connection
    await client.query(`ALTER TABLE ${client.escapeIdentifier(table.name)} ENABLE TRIGGER USER`);
  for (const { name, lastValue } of sequences)
    // oxlint-disable-next-line no-await-in-loop -- as above
    await setSequence(client, [name, lastValue]);
}

const target = (client: Client, { name, columns }: BackupTable): string =>
  `${client.escapeIdentifier(name)} (${columns.map((column) => client.escapeIdentifier(column)).join(", ")})`;

/** A whole table takes as long as it takes. */
async function liftTimeouts(client: Client): Promise<void> {
  await client.query("SET LOCAL statement_timeout = 0");
  await client.query("SET LOCAL idle_in_transaction_session_timeout = 0");
}
