// Reading and deleting bulks. Writing them is src/postgres/intake.ts.
import { finalStates, type JobState, type Lane, lanes, openStates } from "../domain/job.ts";
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const findRow = queryOne("bulks/find");
const listRows = query("bulks/list");
const tallyRows = query("bulks/tallies");
const paceRow = queryOne("bulks/pace");
const nextWaitingRows = query("bulks/next-waiting");
const markDeletedRow = queryOne("bulks/mark-deleted");
const eraseLinesOf = query("bulks/erase-lines");
const eraseErrorsOf = query("bulks/erase-errors");
const lastLineRow = queryOne("bulks/last-line");

export type BulkRow = RowOf<"bulks/list">;
export type FoundBulkRow = RowOf<"bulks/find">;

/** A bulk of this tenant. */
export function findBulk(
  database: Database,
  id: string,
  tenantId: string,
): Promise<FoundBulkRow | undefined> {
  return findRow(database, [id, tenantId]);
}

/** Bulks of a tenant, newest first. `label` is a JSON object, `after` the id of the last one seen. */
export async function listBulks(
  database: Database,
  tenantId: string,
  filter: {
    queueId: string | null;
    label: string | null;
    finished: boolean | null;
    after: string | null;
    rowsMax: number;
  },
): Promise<BulkRow[]> {
  const { queueId, label, finished, after, rowsMax } = filter;
  return (await listRows(database, [tenantId, queueId, label, finished, after, rowsMax])).rows;
}

export interface Tally {
  readonly lane: Lane;
  readonly state: JobState;
  readonly jobs: bigint;
  readonly costNano: bigint;
  readonly realtimeNano: bigint;
  readonly presumedNano: bigint;
}

const states: readonly JobState[] = [...openStates, ...finalStates];

/** The member of a closed list; the tallies hold what the CHECKs of jobs let in, and nothing else. */
function memberOf<T extends string>(list: readonly T[], text: string): T {
  const member = list.find((one) => one === text);
  if (member === undefined) throw new Error(`${text} is not one of ${list.join(", ")}`);
  return member;
}

/** Counts and money of bulks by lane and state, exact at every commit; a bulk without rows has none. */
export async function readTallies(
  database: Database,
  bulkIds: readonly string[],
): Promise<Map<string, Tally[]>> {
  const tallies = new Map<string, Tally[]>(bulkIds.map((id) => [id, []]));
  if (bulkIds.length === 0) return tallies;
  const { rows } = await tallyRows(database, [bulkIds]);
  for (const row of rows) {
    tallies.get(row.bulk_id)?.push({
      lane: memberOf(lanes, row.lane),
      state: memberOf(states, row.state),
      jobs: row.jobs,
      costNano: row.cost_nano,
      realtimeNano: row.realtime_nano,
      presumedNano: row.presumed_nano,
    });
  }
  return tallies;
}

/** The last outcomes of a bulk, at most `outcomesMax`: how many, since when, until when. */
export async function readPace(
  database: Database,
  bulkId: string,
  outcomesMax: number,
): Promise<{ since: Date | null; latest: Date | null; outcomes: number }> {
  const row = await paceRow(database, [bulkId, outcomesMax]);
  return row ?? { since: null, latest: null, outcomes: 0 };
}

export type NextWaitingRow = RowOf<"bulks/next-waiting">;

/** What the next job of each lane waits for. */
export async function readNextWaiting(database: Database, bulkId: string): Promise<NextWaitingRow[]> {
  return (await nextWaitingRows(database, [bulkId])).rows;
}

/** Marks a bulk as deleted unless something of it is open; undefined if there is no such bulk of this tenant. */
export async function markDeleted(
  database: Database,
  bulk: { id: string; tenantId: string },
  actor: string,
): Promise<{ openJobs: bigint; openAttempts: bigint } | undefined> {
  const row = await markDeletedRow(database, [bulk.id, bulk.tenantId, actor]);
  return row === undefined ? undefined : { openJobs: row.open_jobs, openAttempts: row.open_attempts };
}

/** Erases what was sent and answered on these lines of a deleted bulk, both included. */
export async function eraseLines(
  database: Database,
  bulkId: string,
  lines: { from: number; to: number },
): Promise<void> {
  await eraseLinesOf(database, [bulkId, lines.from, lines.to]);
}

export async function eraseErrors(database: Database, bulkId: string): Promise<void> {
  await eraseErrorsOf(database, [bulkId]);
}

/** The highest line of a bulk that holds a job; 0 if none does. */
export async function readLastLine(database: Database, bulkId: string): Promise<number> {
  return (await lastLineRow(database, [bulkId]))?.line ?? 0;
}
