// What the pages behind Bull Board show: ids, states, times and money of anybody's work, never its content.
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const job = queryOne("board/job");
const attempts = query("board/attempts");
const bulk = queryOne("board/bulk");
const bulkJobs = query("board/bulk-jobs");
const messageBatch = queryOne("board/message-batch");

export type BoardJob = RowOf<"board/job">;
export type BoardAttempt = RowOf<"board/attempts">;
export type BoardBulk = RowOf<"board/bulk">;
export type BoardBulkJob = RowOf<"board/bulk-jobs">;
export type BoardMessageBatch = RowOf<"board/message-batch">;

export async function readBoardJob(
  database: Database,
  id: string,
): Promise<{ job: BoardJob; attempts: BoardAttempt[] } | undefined> {
  const row = await job(database, [id]);
  if (row === undefined) return undefined;
  return { job: row, attempts: (await attempts(database, [id])).rows };
}

export const readBoardBulk = (database: Database, id: string): Promise<BoardBulk | undefined> =>
  bulk(database, [id]);

/** The jobs of a bulk behind a line, in order. */
export async function readBoardJobs(
  database: Database,
  bulkId: string,
  afterLine: number,
  rowsMax: number,
): Promise<BoardBulkJob[]> {
  return (await bulkJobs(database, [bulkId, afterLine, rowsMax])).rows;
}

export const readBoardMessageBatch = (
  database: Database,
  id: string,
): Promise<BoardMessageBatch | undefined> => messageBatch(database, [id]);
