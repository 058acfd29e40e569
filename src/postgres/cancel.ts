// Canceling, as statements: jobs one by one or in chunks, then the message batches that nobody wants any more.
//
// A job that is canceled has its outcome at once; what was sent for it already is still answered, fetched and paid for. A
// chunk is one short statement, so a bulk of a million jobs never holds its locks for long. Dying between chunks leaves the
// bulk marked and unfinished; upkeep goes on with it.
import { limits } from "../config/limits.ts";
import type { JobState } from "../domain/job.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const cancelOne = queryOne("cancel/job");
const markBulk = queryOne("cancel/mark-bulk");
const cancelChunk = queryOne("cancel/bulk-chunk");
const tellWorkers = query("cancel/tell-workers");
const cancelBatches = query("cancel/message-batches");
const unfinished = query("cancel/unfinished");

export interface CancelRequest {
  /** Job or bulk. */
  id: string;
  /** Whose it must be; null: anybody's, for the installation's own people. */
  tenantId: string | null;
  actor: string;
  reason: string | null;
}

export interface CanceledJob {
  bulkId: string;
  priorState: JobState;
  /** False: it had its outcome already. */
  canceled: boolean;
  messageBatchesCanceled: number;
}

/** Cancels one job; undefined if there is none of this id and tenant. */
export async function cancelJobRow(
  database: Database,
  request: CancelRequest,
): Promise<CanceledJob | undefined> {
  const row = await cancelOne(database, [request.id, request.tenantId, request.actor, request.reason]);
  if (row === undefined) return undefined;
  const batchIds = row.canceled && row.message_batch_id !== null ? [row.message_batch_id] : [];
  const messageBatchesCanceled = await cancelUnwantedBatches(database, batchIds);
  return { bulkId: row.bulk_id, priorState: row.prior_state, canceled: row.canceled, messageBatchesCanceled };
}

/** Marks a bulk as canceled; undefined if there is none of this id and tenant. */
export async function markBulkCanceled(
  database: Database,
  request: CancelRequest,
): Promise<{ finished: boolean } | undefined> {
  const row = await markBulk(database, [request.id, request.tenantId, request.actor, request.reason]);
  return row === undefined ? undefined : { finished: row.finished_at !== null };
}

export interface CanceledJobs {
  /** Jobs that were open and are canceled now. */
  canceled: number;
  /** Of these, realtime calls under way, whose workers were told. */
  running: number;
  messageBatchesCanceled: number;
}

/** Cancels every open job of a bulk, chunk by chunk. */
export async function cancelOpenJobs(database: Database, bulkId: string): Promise<CanceledJobs> {
  const total: CanceledJobs = { canceled: 0, running: 0, messageBatchesCanceled: 0 };
  const batchIds = new Set<string>();
  let afterLine = 0;
  for (let full = true; full;) {
    // oxlint-disable-next-line no-await-in-loop -- short locks one after the other are the point
    const chunk = await cancelNext(database, bulkId, afterLine);
    for (const id of chunk.batchIds) batchIds.add(id);
    total.canceled += chunk.canceled;
    total.running += chunk.running;
    afterLine = chunk.lastLine;
    full = chunk.canceled === limits.cancelRowsMax;
  }
  if (total.running > 0) await tellWorkers(database, [bulkId]);
  total.messageBatchesCanceled = await cancelUnwantedBatches(database, [...batchIds]);
  return total;
}

async function cancelNext(database: Database, bulkId: string, afterLine: number) {
  const row = await cancelChunk(database, [bulkId, afterLine, limits.cancelRowsMax]);
  return {
    canceled: row?.canceled ?? 0,
    running: row?.running ?? 0,
    lastLine: row?.last_line ?? afterLine,
    batchIds: row?.message_batch_ids ?? [],
  };
}

/** Bulks that were canceled longer ago than the grace and still have open jobs. */
export async function unfinishedCancels(database: Database, graceMs: number): Promise<string[]> {
  const { rows } = await unfinished(database, [graceMs, limits.sweepRowsMax]);
  return rows.map((row) => row.id);
}

async function cancelUnwantedBatches(database: Database, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const { rowCount } = await cancelBatches(database, [ids]);
  return rowCount;
}
