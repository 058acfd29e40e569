// Reading jobs, their attempts and their results.
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const findRow = queryOne("jobs-read/find");
const attemptRows = query("jobs-read/attempts");
const listRows = query("jobs-read/list");
const byLineRows = query("jobs-read/results-by-line");
const byFinishRows = query("jobs-read/results-by-finish");
const firstFinishRow = queryOne("jobs-read/first-finish");
const lastFinishRow = queryOne("jobs-read/last-finish");

export type JobRow = RowOf<"jobs-read/find">;
export type ListedJobRow = RowOf<"jobs-read/list">;
export type AttemptRow = RowOf<"jobs-read/attempts">;
export type ResultRow = RowOf<"jobs-read/results-by-line">;

/** A job of this tenant. */
export function findJob(database: Database, id: string, tenantId: string): Promise<JobRow | undefined> {
  return findRow(database, [id, tenantId]);
}

/** The attempts of a job, in order. */
export async function readAttempts(
  database: Database,
  jobId: string,
  tenantId: string,
): Promise<AttemptRow[]> {
  return (await attemptRows(database, [jobId, tenantId])).rows;
}

export interface JobFilter {
  readonly queueId: string | null;
  readonly bulkId: string | null;
  readonly states: readonly string[] | null;
  /** JSON object. */
  readonly label: string | null;
  readonly after: { readonly bulkId: string; readonly line: number } | null;
  readonly rowsMax: number;
}

/** Jobs of a tenant: the newest bulk first, inside a bulk by line. */
export async function listJobs(
  database: Database,
  tenantId: string,
  filter: JobFilter,
): Promise<ListedJobRow[]> {
  const { queueId, bulkId, states, label, after, rowsMax } = filter;
  const { rows } = await listRows(database, [
    tenantId,
    queueId,
    bulkId,
    states,
    label,
    after?.bulkId ?? null,
    after?.line ?? 0,
    rowsMax,
  ]);
  return rows;
}

/** Finished jobs with these outcomes on the lines after one and up to another, in order. */
export async function readResultsByLine(
  database: Database,
  bulkId: string,
  page: { outcomes: readonly string[]; after: number; to: number; rowsMax: number },
): Promise<ResultRow[]> {
  return (await byLineRows(database, [bulkId, page.outcomes, page.after, page.to, page.rowsMax])).rows;
}

/** Finished jobs with the finish numbers after one and up to another, in order. */
export async function readResultsByFinish(
  database: Database,
  bulkId: string,
  page: { after: number; to: number; rowsMax: number },
): Promise<ResultRow[]> {
  const { after, to, rowsMax } = page;
  return (await byFinishRows(database, [bulkId, BigInt(after), BigInt(to), rowsMax])).rows;
}

/** The lowest and the highest finish number of a bulk; 0 while nothing of it is finished. */
export async function readFinishSpan(
  database: Database,
  bulkId: string,
): Promise<{ first: number; last: number }> {
  const [first, last] = await Promise.all([
    firstFinishRow(database, [bulkId]),
    lastFinishRow(database, [bulkId]),
  ]);
  return { first: Number(first?.seq ?? 0n), last: Number(last?.seq ?? 0n) };
}
