// Statements of upkeep: what nobody claimed, what outlived its time, what lost its process.
import { limits } from "../config/limits.ts";
import { reach } from "../observe/points.ts";
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const orphans = query("reaper/orphans");
const requeue = query("reaper/requeue-unclaimed");
const tellDispatcher = query("reaper/tell-dispatcher");
const dueBulks = query("expiry/due-bulks");
const expireChunk = queryOne("expiry/expire-chunk");
const nextDeadline = query("expiry/next-deadline");
const prune = query("expiry/prune-idempotency");

export type Orphan = RowOf<"reaper/orphans">;

/** Open realtime attempts of processes that are dead or have ended. */
export async function findOrphans(database: Database): Promise<Orphan[]> {
  const { rows } = await orphans(database, [limits.reapRowsMax]);
  return rows;
}

/** Sends back dispatched realtime jobs that were not claimed in time; answers how many, and the dispatcher hears of it. */
export async function requeueUnclaimed(database: Database): Promise<number> {
  const { rows } = await requeue(database, [limits.sweepRowsMax]);
  if (rows.length > 0) reach("unclaimed.returned");
  await announceWork(
    database,
    rows.map((row) => row.queue_id),
  );
  return rows.length;
}

/** Says that these queues have work. */
export async function announceWork(database: Database, queueIds: readonly string[]): Promise<void> {
  if (queueIds.length > 0) await tellDispatcher(database, [[...new Set(queueIds)]]);
}

/** Unfinished bulks that may have something to expire. */
export async function findDueBulks(database: Database): Promise<{ id: string; aged: boolean }[]> {
  const { rows } = await dueBulks(database, [limits.sweepRowsMax]);
  return rows;
}

/** Expires one chunk of the waiting jobs of a bulk; answers how many. */
export async function expireJobs(database: Database, bulkId: string, aged: boolean): Promise<number> {
  const row = await expireChunk(database, [bulkId, aged, limits.cancelRowsMax]);
  return row?.expired ?? 0;
}

/** Notes when the bulk's deadlines are to be looked at next. */
export async function scheduleDeadlineSweep(database: Database, bulkId: string): Promise<void> {
  await nextDeadline(database, [bulkId, limits.deadlineGapMs]);
}

/** Forgets idempotency records past their time; answers how many. */
export async function pruneIdempotency(database: Database): Promise<number> {
  const { rowCount } = await prune(database, [limits.sweepRowsMax]);
  return rowCount;
}
