// Counts by differences: every statement on jobs leaves its difference (a trigger), a fold adds differences into the tallies,
// and a reader sums up both, so that counts are exact at every commit and cost the same for ten jobs as for a million.
import { limits } from "../config/limits.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const fold = queryOne("tallies/fold");
const finish = query("tallies/finish-bulks");
const read = query("tallies/read");

/** Folds differences once. Answers how many were taken and the bulks they belong to. */
export async function foldTallies(database: Database): Promise<{ taken: number; bulkIds: string[] }> {
  const row = await fold(database, [limits.foldRowsMax]);
  return { taken: row?.taken ?? 0, bulkIds: row?.bulk_ids ?? [] };
}

/** Sets the finish time of those bulks without an open job; null looks at every unfinished bulk. Answers those finished now. */
export async function finishBulks(database: Database, bulkIds: readonly string[] | null): Promise<string[]> {
  if (bulkIds?.length === 0) return [];
  const { rows } = await finish(database, [bulkIds]);
  return rows.map((row) => row.id);
}

/** What a bulk has come to. */
export interface Progress {
  total: number;
  /** Jobs with an outcome. */
  done: number;
  costNano: bigint;
  realtimeNano: bigint;
  /** Jobs by outcome, only those that occur. */
  outcomes: Record<string, number>;
  /** Queued jobs by lane. */
  queued: { realtime: number; batch: number };
}

const openStates = new Set(["queued", "dispatched", "running", "awaiting_approval"]);

/** The exact progress of bulks; one without any job has none. */
export async function readProgress(
  database: Database,
  bulkIds: readonly string[],
): Promise<Map<string, Progress>> {
  const { rows } = await read(database, [bulkIds]);
  const all = new Map<string, Progress>();
  for (const row of rows) {
    const progress = all.get(row.bulk_id) ?? emptyProgress();
    all.set(row.bulk_id, progress);
    const jobs = Number(row.jobs);
    progress.total += jobs;
    progress.costNano += row.cost_nano;
    progress.realtimeNano += row.realtime_nano;
    if (row.state === "queued") progress.queued[row.lane === "batch" ? "batch" : "realtime"] += jobs;
    if (openStates.has(row.state)) continue;
    progress.done += jobs;
    if (jobs > 0) progress.outcomes[row.state] = (progress.outcomes[row.state] ?? 0) + jobs;
  }
  return all;
}

const emptyProgress = (): Progress => ({
  total: 0,
  done: 0,
  costNano: 0n,
  realtimeNano: 0n,
  outcomes: {},
  queued: { realtime: 0, batch: 0 },
});
