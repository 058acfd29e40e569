// The marker of a restore, and the stop that stands as long as it does.

import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";
import type { Database } from "./pool.ts";

const inUse = queryOne("restore/in-use");
const doubtCreations = query("restore/doubt-creations");
const endLeases = query("restore/end-leases");
const forgetCounts = query("restore/forget-counts");
const setMarker = query("restore/mark");
const openMarker = queryOne("restore/find-open");
const stopAll = queryOne("restore/stop-all");

/** Whether a database holds something already, and how many processes work on it. */
export async function readUse(database: Database): Promise<{ holdsWork: boolean; alive: number }> {
  const row = await inUse(database, []);
  return { holdsWork: (row?.tenants ?? 0) > 0, alive: row?.alive ?? 0 };
}

export type RestoreMarker = RowOf<"restore/find-open">;

/** The marker of a restore that is not recovered yet. */
export const findRestore = (database: Database): Promise<RestoreMarker | undefined> =>
  openMarker(database, []);

const reason = "restored from a backup: run sluice recover";

/** Keeps everything stopped while a database is restored and not recovered; the marker, if there is one. */
export async function keepRestoreStop(
  database: Database,
  newId: () => string,
): Promise<RestoreMarker | undefined> {
  const marker = await findRestore(database);
  if (marker !== undefined) await stopAll(database, [newId(), reason]);
  return marker;
}

export interface NewRestore {
  readonly id: string;
  readonly snapshotAt: Date;
  readonly backupSha256: string;
  readonly actor: string;
  readonly now: Date;
}

/**
 * Marks restored rows: nobody holds a lease, creations of message batches are in doubt, no count is believed, the marker stands,
 * everything is stopped.
 */
export async function markRestored(
  database: Database,
  restore: NewRestore,
  newId: () => string,
): Promise<{ doubtful: number }> {
  await endLeases(database, []);
  const doubtful = (await doubtCreations(database, [restore.now])).rowCount;
  await forgetCounts(database, []);
  await setMarker(database, [restore.id, restore.snapshotAt, restore.backupSha256, restore.actor]);
  await keepRestoreStop(database, newId);
  return { doubtful };
}
