// What the queue backend shows of bulks and queues is made from these rows.
import { limits } from "../config/limits.ts";
import type { Database } from "./pool.ts";
import { query, type RowOf } from "./query.ts";

const unfinished = query("entries/unfinished");
const bulks = query("entries/bulk");
const queues = query("entries/queues");

/** A queue with the name of its BullMQ queue, `<tenant>.<queue>`. */
export interface NamedQueue {
  queueId: string;
  tenantId: string;
  /** Name in BullMQ and on the board. */
  entryQueue: string;
  owner: string;
}

/** Queues with their names, the latest first, as many as the board shows. */
export async function listNamedQueues(database: Database): Promise<NamedQueue[]> {
  const { rows } = await queues(database, [null, limits.boardQueuesMax]);
  return rows.map(namedOf);
}

export async function findNamedQueue(database: Database, queueId: string): Promise<NamedQueue | undefined> {
  const { rows } = await queues(database, [queueId, 1]);
  return rows.map(namedOf)[0];
}

function namedOf(row: RowOf<"entries/queues">): NamedQueue {
  return {
    queueId: row.id,
    tenantId: row.tenant_id,
    entryQueue: `${row.tenant_name}.${row.name}`,
    owner: row.owner,
  };
}

/** Unfinished bulks, the oldest of each queue first. */
export async function findUnfinishedBulks(
  database: Database,
  queuesMax: number,
): Promise<{ bulkId: string; queueId: string }[]> {
  const { rows } = await unfinished(database, [limits.followedBulksMax, queuesMax]);
  return rows.map((row) => ({ bulkId: row.bulk_id, queueId: row.queue_id }));
}

/** Scope and end of bulks, and what their next waiting jobs say they wait for. */
export async function readBulkEnds(
  database: Database,
  bulkIds: readonly string[],
): Promise<RowOf<"entries/bulk">[]> {
  if (bulkIds.length === 0) return [];
  const { rows } = await bulks(database, [bulkIds]);
  return rows;
}
