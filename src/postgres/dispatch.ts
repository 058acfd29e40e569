// The dispatcher's statements: what waits, how much is out, and the move from queued to dispatched.

import { limits } from "../config/limits.ts";
import type { Unbudgeted } from "../domain/budget.ts";
import { admit } from "../domain/hold.ts";
import { priceAt, traitsOf, worstCostNanoUsd } from "../domain/price.ts";
import type { WaitingBulk } from "../domain/share.ts";
import type { WorkScope } from "../domain/work-scope.ts";
import { reach } from "../observe/points.ts";
import { downgradeJobs } from "./downgrade.ts";
import { withTransaction } from "./pool.ts";
import type { Client, Database, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";
import { noteBound, readRooms, shortWindows, windowsFor } from "./windows.ts";

const waitingBulks = query("dispatch/waiting-bulks");
const countWindow = queryOne("dispatch/count-window");
const lockQueued = query("dispatch/lock-queued");
const dispatchJobs = query("dispatch/dispatch");
const markWaiting = query("dispatch/mark-waiting");
const markHeld = query("dispatch/mark-held");

/** A realtime dispatch: the ids its queue entry carries, and when it may start (null = now). */
export interface Dispatch extends WorkScope {
  jobId: string;
  dispatchNo: number;
  notBefore: Date | null;
}

export interface DispatchTerms {
  holder: string;
  epoch: bigint;
  leaseMs: number;
  now: Date;
  /** Retries that are due later than this stay queued. */
  horizon: Date;
  /** What stands against work of this scope now; null: nothing. */
  closedBy(scope: WorkScope): "pause" | "stop" | null;
  unbudgeted: Unbudgeted;
}

/** Bulks with realtime work, oldest first, at most `bulksMax`. */
export async function findWaitingBulks(
  database: Database,
  bulksMax: number,
): Promise<(WaitingBulk & { jobType: string })[]> {
  const { rows } = await waitingBulks(database, [bulksMax]);
  return rows.map((row) => ({
    bulkId: row.bulk_id,
    tenantId: row.tenant_id,
    queueId: row.queue_id,
    jobType: row.job_type,
    waiting: row.waiting,
    out: row.out,
    concurrencyMax: row.concurrency_max,
  }));
}

/** Realtime jobs that are dispatched and not claimed yet. */
export async function readWindow(database: Database): Promise<{ due: number; delayed: number }> {
  return (await countWindow(database, [])) ?? { due: 0, delayed: 0 };
}

/**
 * Dispatches up to the given number of jobs of each bulk, leaving out those for which a ceiling has no room now: they stay
 * queued with the wait reason `budget`, or go to the batch lane where the ceiling says so. The hold itself is taken in the claim; this
 * only avoids carrying jobs in a circle.
 */
export async function dispatchFrom(
  pool: Pool,
  places: ReadonlyMap<string, number>,
  terms: DispatchTerms,
): Promise<Dispatch[]> {
  let short: ReadonlySet<bigint> = new Set();
  const dispatched = await withTransaction(pool, async (client) => {
    const rows = await lockOpen(client, places, terms);
    if (rows.length === 0) return [];
    const looked = await look(client, rows, terms);
    const { chosen, refused, cheaper } = looked;
    ({ short } = looked);
    await markRefused(client, refused, terms.now);
    await downgradeJobs(client, cheaper, terms.now);
    if (chosen.length === 0) return [];
    const done = await dispatchJobs(client, [chosen, terms.holder, terms.epoch, terms.leaseMs]);
    const order = new Map(chosen.map((id, index) => [id, index]));
    reach("dispatch.written");
    return done.rows
      .toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0))
      .map((row) => ({
        jobId: row.id,
        dispatchNo: row.dispatch_no,
        notBefore: row.not_before,
        tenantId: row.tenant_id,
        bulkId: row.bulk_id,
        queueId: row.queue_id,
        jobType: row.job_type,
        model: row.model,
      }));
  });
  await noteBound(pool, short);
  return dispatched;
}

type QueuedRow = RowOf<"dispatch/lock-queued">;

/**
 * Locks each bulk's share. A bulk's lines may name several models; those whose gate is shut are found on the way, told what they
 * wait for, and passed over in the next look.
 */
async function lockOpen(
  client: Client,
  places: ReadonlyMap<string, number>,
  terms: DispatchTerms,
): Promise<QueuedRow[]> {
  const closedModels = new Set<string>();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- each look leaves out what the one before found shut; there are few models
    const { rows } = await lockQueued(client, [
      [...places.keys()],
      [...places.values()],
      terms.horizon,
      terms.now,
      [...closedModels],
    ]);
    const shut = rows.flatMap((row) => {
      const why = terms.closedBy(scopeOf(row));
      return why === null ? [] : [{ row, why }];
    });
    if (shut.length === 0) return rows;
    for (const why of ["pause", "stop"] as const) {
      const ids = shut
        .filter((one) => one.why === why && one.row.wait_reason !== why)
        .map(({ row }) => row.id);
      // oxlint-disable-next-line no-await-in-loop -- as above
      if (ids.length > 0) await markHeld(client, [ids, why]);
    }
    for (const { row } of shut) closedModels.add(row.model);
  }
}

const scopeOf = (row: QueuedRow): WorkScope => ({
  tenantId: row.tenant_id,
  queueId: row.queue_id,
  jobType: row.job_type,
  model: row.model,
  bulkId: row.bulk_id,
});

interface Looked {
  chosen: string[];
  refused: QueuedRow[];
  /** Refused by a ceiling that sends them to the batch lane. */
  cheaper: string[];
  /** Windows without room for one of the jobs. */
  readonly short: ReadonlySet<bigint>;
}

async function look(
  client: Client,
  rows: readonly QueuedRow[],
  { now, unbudgeted }: DispatchTerms,
): Promise<Looked> {
  const scopes = rows.map((row) => ({ ...scopeOf(row), labels: row.labels }));
  const { windowIds, downgrading } = await windowsFor(client, scopes, now);
  const rooms = await readRooms(client, windowIds.flat());
  const requests = rows.map((row, index) => ({
    amountNano: worstNano(row, now),
    windowIds: windowIds[index] ?? [],
  }));
  const verdicts = admit(rooms, requests, unbudgeted);
  const short = shortWindows(rooms, requests);
  const looked: Looked = { chosen: [], refused: [], cheaper: [], short };
  for (const [index, row] of rows.entries()) {
    const { fits, shortIds } = verdicts[index] ?? { fits: false, shortIds: [] };
    if (fits) looked.chosen.push(row.id);
    else if (row.may_wait && shortIds.some((id) => downgrading.has(id))) looked.cheaper.push(row.id);
    else looked.refused.push(row);
  }
  return looked;
}

async function markRefused(client: Client, refused: readonly QueuedRow[], now: Date): Promise<void> {
  const news = refused.filter((row) => row.wait_reason !== "budget" || row.labels !== null);
  const restUntil = new Date(now.getTime() + limits.budgetRestMs);
  if (news.length > 0) await markWaiting(client, [news.map((row) => row.id), restUntil]);
}

/** Zero where no price is known: the claim is the place that refuses it. */
function worstNano(row: QueuedRow, now: Date): bigint {
  const price = priceAt(row.model, now.getTime());
  if (price === undefined) return 0n;
  const traits = traitsOf(row);
  return worstCostNanoUsd({
    inputTokensMax: row.input_tokens_max,
    outputTokensMax: row.output_tokens_max,
    lane: "realtime",
    price,
    traits,
  });
}
