// The dispatcher's statements: what waits, how much is out, and the move from queued to dispatched.

import { admit } from "../domain/hold.ts";
import { priceAt, worstCostNanoUsd } from "../domain/price.ts";
import type { CostTraits } from "../domain/price.ts";
import type { WaitingBulk } from "../domain/share.ts";
import type { WorkScope } from "../domain/work-scope.ts";
import { reach } from "../observe/points.ts";
import { withTransaction } from "./pool.ts";
import type { Client, Database, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";
import { readRooms, windowsFor } from "./windows.ts";

const waitingBulks = query("dispatch/waiting-bulks");
const countWindow = queryOne("dispatch/count-window");
const lockQueued = query("dispatch/lock-queued");
const dispatchJobs = query("dispatch/dispatch");
const markWaiting = query("dispatch/mark-waiting");

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
 * queued with the wait reason `budget`. The hold itself is taken in the claim; this only avoids carrying jobs in a circle.
 */
export async function dispatchFrom(
  pool: Pool,
  places: ReadonlyMap<string, number>,
  terms: DispatchTerms,
): Promise<Dispatch[]> {
  return withTransaction(pool, async (client) => {
    const { rows } = await lockQueued(client, [[...places.keys()], [...places.values()], terms.horizon]);
    if (rows.length === 0) return [];
    const fits = await fitting(client, rows, terms.now);
    const refused = rows.filter((row, index) => fits[index] !== true && row.wait_reason !== "budget");
    if (refused.length > 0) await markWaiting(client, [refused.map((row) => row.id), "budget"]);
    const chosen = rows.filter((_, index) => fits[index] === true).map((row) => row.id);
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
}

async function fitting(
  client: Client,
  rows: readonly RowOf<"dispatch/lock-queued">[],
  now: Date,
): Promise<boolean[]> {
  const scopes = rows.map((row) => ({
    tenantId: row.tenant_id,
    queueId: row.queue_id,
    jobType: row.job_type,
    model: row.model,
    bulkId: row.bulk_id,
  }));
  const windowIds = await windowsFor(client, scopes, now);
  return admit(
    await readRooms(client, windowIds.flat()),
    rows.map((row, index) => ({ amountNano: worstNano(row, now), windowIds: windowIds[index] ?? [] })),
  );
}

/** Zero where no price is known: the claim is the place that refuses it. */
function worstNano(row: RowOf<"dispatch/lock-queued">, now: Date): bigint {
  const price = priceAt(row.model, now.getTime());
  if (price === undefined) return 0n;
  const traits: CostTraits = {
    cacheWrite: row.cache_write,
    mayRunInUs: row.may_run_in_us,
  };
  return worstCostNanoUsd({
    inputTokensMax: row.input_tokens_max,
    outputTokensMax: row.output_tokens_max,
    lane: "realtime",
    price,
    traits,
  });
}
