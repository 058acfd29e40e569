// Counts by differences: every statement on jobs leaves its difference (a trigger), a fold adds differences into the tallies,
// and a reader sums up both, so that counts are exact at every commit and cost the same for ten jobs as for a million.
import { limits } from "../config/limits.ts";
import { isFinal } from "../domain/job.ts";
import { readTallies, type Tally } from "./bulks.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const fold = queryOne("tallies/fold");
const finish = query("tallies/finish-bulks");

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
  /** Jobs by outcome, only those that occur. */
  outcomes: Record<string, number>;
  /** Queued jobs by lane. */
  queued: { realtime: number; batch: number };
}

/** The exact progress of bulks. */
export async function readProgress(
  database: Database,
  bulkIds: readonly string[],
): Promise<Map<string, Progress>> {
  const tallies = await readTallies(database, bulkIds);
  return new Map([...tallies].map(([bulkId, rows]) => [bulkId, progressOf(rows)]));
}

function progressOf(tallies: readonly Tally[]): Progress {
  const progress: Progress = {
    total: 0,
    done: 0,
    costNano: 0n,
    outcomes: {},
    queued: { realtime: 0, batch: 0 },
  };
  for (const { lane, state, jobs: count, costNano } of tallies) {
    const jobs = Number(count);
    progress.total += jobs;
    progress.costNano += costNano;
    if (state === "queued") progress.queued[lane] += jobs;
    if (!isFinal(state)) continue;
    progress.done += jobs;
    if (jobs > 0) progress.outcomes[state] = (progress.outcomes[state] ?? 0) + jobs;
  }
  return progress;
}
