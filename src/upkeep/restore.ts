// A backup back into a database: all of it or nothing, in one transaction, every table compared with its count and hash before the
// commit. What comes out is marked and stopped: a restored ledger does not know what was spent since, so its ceilings are open until
// `sluice recover` has closed them. Dying half way leaves the database as it was, but for empty tables where there were none.
//
// The tables are made by the migrations of the backup's day, filled, and then brought to today's.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import type { Writable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { z } from "zod";
import { ServiceError } from "../domain/errors.ts";
import type { Clock } from "../domain/clock.ts";
import { installationTenantId } from "../domain/ids.ts";
import type { Log } from "../observe/log.ts";
import { appendAudit } from "../postgres/audit.ts";
import { copyInto, emptyTables, finishTables, readTables } from "../postgres/backup.ts";
import type { BackupTable } from "../postgres/backup.ts";
import { codeMigrations, migrate, migrationState } from "../postgres/migrate.ts";
import { withTransaction } from "../postgres/pool.ts";
import type { Client, Pool } from "../postgres/pool.ts";
import { markRestored, readUse } from "../postgres/restores.ts";
import { fileSha256 } from "./backup.ts";
import { damaged, endSchema, headSchema, readParts, tableEndSchema, tableSchema } from "./backup-file.ts";
import type { BackupHead, BackupPart, RowCounts } from "./backup-file.ts";

export interface RestoreDeps {
  readonly pool: Pool;
  readonly log: Log;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly actor: string;
}

export interface RestoreReport {
  readonly snapshotAt: Date;
  readonly rows: RowCounts;
  /** Message batches whose creation is in doubt now. */
  readonly doubtful: number;
}

export interface RestoreChoice {
  /** Replaces what the database holds. */
  readonly force: boolean;
  /** Asked once everything else allows it and there is something to replace; throws where it is not to be. */
  confirm?(): Promise<void>;
}

/**
 * Restores a backup.
 * @throws ServiceError backup_damaged | restore_refused | migration_missing | migration_changed
 */
export async function restore(
  deps: RestoreDeps,
  file: string,
  choice: RestoreChoice,
): Promise<RestoreReport> {
  const parts = partsOf(file);
  try {
    const head = parse(headSchema, await nextLine(parts));
    await prepare(deps, head, choice);
    const source = { head, parts, backupSha256: await fileSha256(file) };
    const report = await withTransaction(deps.pool, (client) => fill(client, deps, source));
    await migrate(deps.pool, deps.log);
    return report;
  } finally {
    await parts.return(undefined);
  }
}

function partsOf(file: string): AsyncGenerator<BackupPart> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  source.on("error", (error) => gunzip.destroy(error));
  return readParts(mapErrors(source.pipe(gunzip)));
}

/** What gunzip cannot read is a damaged backup; that there is no such file is told as it is. */
async function* mapErrors(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* bytes;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      throw damaged("It cannot be unpacked.");
    throw error;
  }
}

/** Tables as the backup's day had them, in a database that may be overwritten. */
async function prepare({ pool, log }: RestoreDeps, head: BackupHead, choice: RestoreChoice): Promise<void> {
  const known = codeMigrations();
  for (const wanted of head.migrations) {
    const ours = known.find(({ number }) => number === wanted.number);
    if (ours === undefined)
      throw new ServiceError("migration_missing", {
        detail: `The backup has ${wanted.name}, this code does not.`,
      });
    if (ours.sha256 !== wanted.sha256)
      throw new ServiceError("migration_changed", {
        detail: `${ours.name} differs from what the backup was made with.`,
      });
  }
  const numbers = new Set(head.migrations.map(({ number }) => number));
  const { applied } = await migrationState(pool);
  if (applied.some((number) => !numbers.has(number)))
    throw new ServiceError("restore_refused", { detail: "Its tables are newer than the backup's." });
  if (applied.length > 0) {
    const holdsWork = await requireUnused(pool);
    if (holdsWork && !choice.force)
      throw new ServiceError("restore_refused", { detail: "It holds tenants and their work." });
    if (holdsWork && choice.confirm !== undefined) {
      await choice.confirm();
      // A person takes a while, in which a process may have been started.
      await requireUnused(pool);
    }
  }
  const names = new Set(head.migrations.map(({ name }) => name));
  await migrate(pool, log, undefined, (name) => names.has(name));
}

/** Whether it holds something. @throws ServiceError restore_refused while processes work on it */
async function requireUnused(pool: Pool): Promise<boolean> {
  const { holdsWork, alive } = await readUse(pool);
  if (alive > 0)
    throw new ServiceError("restore_refused", {
      detail: `${alive} processes of Sluice work on it; stop them first.`,
    });
  return holdsWork;
}

interface Source {
  readonly head: BackupHead;
  readonly parts: AsyncGenerator<BackupPart>;
  readonly backupSha256: string;
}

async function fill(
  client: Client,
  { newId, clock, actor }: RestoreDeps,
  { head, parts, backupSha256 }: Source,
): Promise<RestoreReport> {
  const present = await readTables(client);
  compareTables(present, head.tables);
  await emptyTables(client, present);
  const rows: RowCounts = new Map();
  for (const table of head.tables) {
    // oxlint-disable-next-line no-await-in-loop -- the file is read in its order
    rows.set(table.name, await fillTable(client, table, parts));
  }
  const end = parse(endSchema, await nextLine(parts));
  if ((await parts.next()).done !== true) throw damaged("It goes on behind its end.");
  const sequences = end.sequences.map(({ name, last_value: last }) => ({ name, lastValue: BigInt(last) }));
  await finishTables(client, present, sequences);
  const { doubtful } = await markRestored(
    client,
    { id: newId(), snapshotAt: head.snapshot_at, backupSha256, actor, now: clock.now() },
    newId,
  );
  await appendAudit(client, {
    tenantId: installationTenantId,
    actor,
    act: "backup.restored",
    subjectKind: "backup",
    subjectId: backupSha256,
    detail: { snapshot_at: head.snapshot_at.toISOString() },
  });
  return { snapshotAt: head.snapshot_at, rows, doubtful };
}

const nameOf = ({ name, columns }: BackupTable): string => `${name} (${columns.join(", ")})`;

function compareTables(present: readonly BackupTable[], wanted: readonly BackupTable[]): void {
  const [ours, theirs] = [present.map(nameOf).toSorted(), wanted.map(nameOf).toSorted()];
  if (ours.join("\n") !== theirs.join("\n"))
    throw new ServiceError("restore_refused", { detail: "Its tables are not those of the backup." });
}

async function fillTable(
  client: Client,
  table: BackupTable,
  parts: AsyncGenerator<BackupPart>,
): Promise<number> {
  if (parse(tableSchema, await nextLine(parts)).table !== table.name)
    throw damaged("A table is out of place.");
  const hash = createHash("sha256");
  const sink = copyInto(client, table);
  const whole = finished(sink);
  // A row the database refuses is heard where the end is awaited.
  whole.catch(() => undefined);
  let rows = 0;
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a stream
      const part = await nextPart(parts);
      if (part.kind === "rows_end") break;
      if (part.kind !== "rows") throw damaged("A table has no end.");
      hash.update(part.bytes);
      for (let at = part.bytes.indexOf(10); at >= 0; at = part.bytes.indexOf(10, at + 1)) rows += 1;
      // oxlint-disable-next-line no-await-in-loop -- backpressure
      if (!sink.write(part.bytes)) await Promise.race([drained(sink), whole]);
    }
    sink.end();
    await whole;
  } catch (error) {
    sink.destroy();
    throw error;
  }
  const said = parse(tableEndSchema, await nextLine(parts));
  if (said.rows !== rows || said.sha256 !== hash.digest("hex"))
    throw damaged(`The rows of ${table.name} are not those that were written.`);
  return rows;
}

const drained = (sink: Writable): Promise<unknown> => once(sink, "drain");

async function nextPart(parts: AsyncGenerator<BackupPart>): Promise<BackupPart> {
  const next = await parts.next();
  if (next.done === true) throw damaged("It ends too early.");
  return next.value;
}

async function nextLine(parts: AsyncGenerator<BackupPart>): Promise<unknown> {
  const part = await nextPart(parts);
  if (part.kind !== "line") throw damaged("Rows stand where a line should.");
  return part.value;
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw damaged("A line is not what it should be.");
  return parsed.data;
}
