// The lines of message batches as rows: how many there are, what they are rendered from, what their results are settled with.

import type { WorkScope } from "../domain/work-scope.ts";
import type { Database } from "./pool.ts";
import { query } from "./query.ts";
import type { RowOf } from "./query.ts";
import type { Holder } from "./message-batches.ts";

const planRows = query("message-batches/line-plan");
const scopeRows = query("message-batches/line-scopes");
const requestRows = query("message-batches/line-requests");
const openRows = query("message-batches/open-lines");
const resultRows = query("message-batches/result-lines");
const inputRows = query("message-batches/large-inputs");
const recordIngestRow = query("message-batches/record-ingest");
const loseResultsRow = query("message-batches/lose-results");
const finishIngestRow = query("message-batches/finish-ingest");

/** The open lines of a batch in the order of their jobs, and whether each is still wanted. */
export async function readLinePlan(
  db: Database,
  batchId: string,
): Promise<RowOf<"message-batches/line-plan">[]> {
  return (await planRows(db, [batchId])).rows;
}

/** The different scopes the lines of a batch belong to. */
export async function readLineScopes(db: Database, batchId: string): Promise<WorkScope[]> {
  const { rows } = await scopeRows(db, [batchId]);
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    queueId: row.queue_id,
    jobType: row.job_type,
    model: row.model,
    bulkId: row.bulk_id,
  }));
}

export type LineRequest = RowOf<"message-batches/line-requests">;

/** What these lines are rendered from, in the order of jobs; a line whose input is gone is missing. */
export async function readLineRequests(db: Database, jobIds: readonly string[]): Promise<LineRequest[]> {
  return (await requestRows(db, [jobIds])).rows;
}

export type OpenLine = RowOf<"message-batches/open-lines">;

/** Open lines, at most so many, in no order. */
export async function readOpenLines(db: Database, batchId: string, rowsMax: number): Promise<OpenLine[]> {
  return (await openRows(db, [batchId, rowsMax])).rows;
}

export type SettledLine = RowOf<"message-batches/result-lines">;

/** What the results of these jobs are settled with; inputs above `inputBytesMax` are left out. Jobs not in the batch are missing. */
export async function readSettledLines(
  db: Database,
  batchId: string,
  jobIds: readonly string[],
  inputBytesMax: number,
): Promise<SettledLine[]> {
  return (await resultRows(db, [batchId, jobIds, inputBytesMax])).rows;
}

/** Inputs by job. */
export async function readInputs(db: Database, jobIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await inputRows(db, [jobIds]);
  return new Map(rows.map((row) => [row.job_id, row.input]));
}

/** Shows how far the results are stored. False: another process has the step now. */
export async function recordIngest(
  db: Database,
  { id, processId }: Holder,
  lines: number,
  paidTwice: number,
): Promise<boolean> {
  return (await recordIngestRow(db, [id, processId, lines, paidTwice])).rowCount > 0;
}

/** Ends a batch that is counted and settled; false while a line is open. */
export async function finishIngest(
  db: Database,
  { id, processId }: Holder,
  now: Date,
  lines: number,
): Promise<boolean> {
  return (await finishIngestRow(db, [id, processId, now, lines])).rowCount > 0;
}

/** Ends a batch whose results can never be fetched; false while a line is open. */
export async function loseResults(db: Database, { id, processId }: Holder, now: Date): Promise<boolean> {
  return (await loseResultsRow(db, [id, processId, now])).rowCount > 0;
}
