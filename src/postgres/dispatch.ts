// The dispatcher's statements: what waits, how much is out, and the move from queued to dispatched.

import { limits } from "../config/limits.ts";
import type { Unbudgeted } from "../domain/budget.ts";
import type { FullLabel, FullLabels } from "../domain/full-labels.ts";
import { admit } from "../domain/hold.ts";
import { priceAt, traitsOf, worstCostNanoUsd } from "../domain/price.ts";
import { withinPlaces } from "../domain/share.ts";
import type { WaitingBulk } from "../domain/share.ts";
import type { WorkScope } from "../domain/work-scope.ts";
import { refusedLast, rememberedOf } from "../domain/refused-models.ts";
import type { Probing } from "../domain/refused-models.ts";
import { reach } from "../observe/points.ts";
import { noteProbe } from "./credentials.ts";
import { downgradeJobs } from "./downgrade.ts";
import { withTransaction } from "./pool.ts";
import type { Client, Database, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";
import { boundsIn } from "./tight-bounds.ts";
import type { Bounds, Tightening } from "./tight-bounds.ts";
import { noteBound, readRooms, shortWindows, windowsFor } from "./windows.ts";

const waitingBulks = query("dispatch/waiting-bulks");
const countWindow = queryOne("dispatch/count-window");
const lockQueued = query("dispatch/lock-queued");
const lockRemembered = query("dispatch/lock-remembered");
const dispatchJobs = query("dispatch/dispatch");
const markWaiting = query("dispatch/mark-waiting");
const markHeld = query("dispatch/mark-held");

/** A realtime dispatch: the ids its queue entry carries, and when it may start (null = now). */
export interface Dispatch extends WorkScope {
  jobId: string;
  dispatchNo: number;
  notBefore: Date | null;
}

/** Why a queued job is passed over; `credential`: its model is held back. */
export type Closure = "pause" | "stop" | "credential";
const closures: readonly Closure[] = ["pause", "stop", "credential"];

export interface DispatchTerms {
  holder: string;
  epoch: bigint;
  leaseMs: number;
  now: Date;
  /** Retries that are due later than this stay queued. */
  horizon: Date;
  /** What stands against work of this scope now; null: nothing. */
  closedBy(scope: WorkScope): Closure | null;
  credentialId: string;
  /** Models that the credential was refused and that are due to be tried with one job each. */
  probing: Probing;
  /** The credential is stopped and due to be tried: one job is dispatched, the first that has room. */
  oneInAll: boolean;
  /** What is known of labels without room; a look leaves them out and adds what it finds. */
  fullLabels: FullLabels;
  /** Whose a bulk is. */
  tenantOf(bulkId: string): string | undefined;
  unbudgeted: Unbudgeted;
  /** Absent: holds are by bytes and declared caps. */
  tightening?: Tightening | undefined;
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

/** Realtime jobs that are dispatched and not claimed yet, and the calls that ended since the ledger entry `after`. */
export async function readWindow(
  database: Database,
  after: bigint | null,
): Promise<RowOf<"dispatch/count-window">> {
  return (await countWindow(database, [after])) ?? { due: 0, delayed: 0, ended: 0, newest: after ?? 0n };
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
  const begunAt = performance.now();
  const full = terms.fullLabels.now(terms.now.getTime());
  const dispatched = await withTransaction(pool, async (client) => {
    const fresh = await lockOpen(client, places, { ...terms, full });
    if (full.length > 0) noteExhausted(places, fresh, { terms, full, tookMs: performance.now() - begunAt });
    const again = await lockRefused(client, places, terms);
    const rows = [...fresh, ...again];
    if (rows.length === 0) return [];
    const looked = await look(client, rows, terms);
    const { refused, cheaper } = looked;
    // A job that is tried again, for want of any other of its model, takes the place of the last of its bulk.
    const inOrder = [...again, ...fresh].filter((row) => looked.chosen.has(row));
    const chosen = withinPlaces(inOrder, places, (row) => row.bulk_id).map(({ id }) => id);
    ({ short } = looked);
    terms.fullLabels.add(looked.fullLabels, terms.now.getTime());
    await markRefused(client, refused, terms.now);
    await downgradeJobs(client, cheaper, terms.now);
    if (chosen.length === 0) return [];
    const done = await dispatchJobs(client, [chosen, terms.holder, terms.epoch, terms.leaseMs]);
    await noteProbe(client, terms.credentialId, {
      models: [...new Set(done.rows.map((row) => row.model))].filter((model) => terms.probing.has(model)),
      now: terms.now,
    });
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
  terms: DispatchTerms & { full: readonly FullLabel[] },
): Promise<QueuedRow[]> {
  const closedModels = new Set<string>();
  const remembered = rememberedOf(terms.probing);
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- each look leaves out what the one before found shut; there are few models
    const { rows } = await lockQueued(client, [
      [...places.keys()],
      [...places.values()],
      terms.horizon,
      terms.now,
      [...closedModels],
      terms.full.map(({ label }) => label),
      terms.full.map(({ tenantId }) => tenantId),
      remembered,
    ]);
    // oxlint-disable-next-line no-await-in-loop -- as above
    const shut = await tellShut(client, rows, terms);
    if (shut.size === 0) return rows;
    for (const { model } of shut) closedModels.add(model);
  }
}

/** Tells the rows whose gate is shut what they wait for, and answers them. */
async function tellShut(
  client: Client,
  rows: readonly QueuedRow[],
  terms: DispatchTerms,
): Promise<ReadonlySet<QueuedRow>> {
  const shut = rows.flatMap((row) => {
    const why = terms.closedBy(scopeOf(row));
    return why === null ? [] : [{ row, why }];
  });
  for (const why of closures) {
    const held = shut.filter((one) => one.why === why).map(({ row }) => row);
    // oxlint-disable-next-line no-await-in-loop -- one reason after the other
    await noteHeld(client, held, why);
  }
  return new Set(shut.map(({ row }) => row));
}

/**
 * Locks the jobs that were refused when their model was tried before, beside the share of their bulk: they are a handful, and their turn
 * comes behind the jobs that were not refused, however few of those a look sees.
 */
async function lockRefused(
  client: Client,
  places: ReadonlyMap<string, number>,
  terms: DispatchTerms,
): Promise<QueuedRow[]> {
  const remembered = rememberedOf(terms.probing);
  if (remembered.length === 0) return [];
  const { rows } = await lockRemembered(client, [remembered, [...places.keys()], terms.horizon, terms.now]);
  const shut = await tellShut(client, rows, terms);
  return rows.filter((row) => !shut.has(row));
}

/** Bulks that showed less than was asked for, where labels were left out, have nothing else for a while. */
function noteExhausted(
  places: ReadonlyMap<string, number>,
  rows: readonly QueuedRow[],
  { terms, full, tookMs }: { terms: DispatchTerms; full: readonly FullLabel[]; tookMs: number },
): void {
  const seen = new Map<string, number>();
  for (const { bulk_id: id } of rows) seen.set(id, (seen.get(id) ?? 0) + 1);
  const leftOut = (id: string): boolean =>
    full.some(({ tenantId }) => tenantId === null || tenantId === terms.tenantOf(id));
  const exhausted = [...places].filter(([id, asked]) => (seen.get(id) ?? 0) < asked && leftOut(id));
  terms.fullLabels.exhaust(
    exhausted.map(([id]) => id),
    terms.now.getTime(),
    tookMs,
  );
}

/** Tells queued jobs what they are held by, once; their rows are locked by the caller. */
export async function noteHeld(
  client: Client,
  rows: readonly { id: string; wait_reason: string | null }[],
  why: Closure,
): Promise<void> {
  const news = rows.filter((row) => row.wait_reason !== why).map(({ id }) => id);
  if (news.length > 0) await markHeld(client, [news, why]);
}

const scopeOf = (row: QueuedRow): WorkScope => ({
  tenantId: row.tenant_id,
  queueId: row.queue_id,
  jobType: row.job_type,
  model: row.model,
  bulkId: row.bulk_id,
});

interface Looked {
  readonly chosen: Set<QueuedRow>;
  refused: QueuedRow[];
  /** Refused by a ceiling that sends them to the batch lane. */
  cheaper: string[];
  /** Windows without room for one of the jobs. */
  readonly short: ReadonlySet<bigint>;
  /** Labels that refused jobs which bear them themselves. */
  readonly fullLabels: FullLabel[];
}

async function look(client: Client, locked: readonly QueuedRow[], terms: DispatchTerms): Promise<Looked> {
  const rows = refusedLast(locked, terms.probing);
  const { now, unbudgeted, tightening } = terms;
  const scopes = rows.map((row) => ({ ...scopeOf(row), labels: row.labels }));
  const { windowIds, downgrading, labels } = await windowsFor(client, scopes, now);
  const rooms = await readRooms(client, windowIds.flat());
  const boundsOf = await boundsIn(client, rows, { lane: "realtime", now, tightening });
  const requests = rows.map((row, index) => ({
    amountNano: worstNano(row, boundsOf(row), now),
    windowIds: windowIds[index] ?? [],
    // A try goes to a job that has room: one that waits for money would try nothing, and keep the others from it.
    oneOf: terms.oneInAll ? "" : terms.probing.has(row.model) ? row.model : undefined,
  }));
  const verdicts = admit(rooms, requests, unbudgeted);
  const short = shortWindows(rooms, requests);
  const looked: Looked = { chosen: new Set(), refused: [], cheaper: [], short, fullLabels: [] };
  for (const [index, row] of rows.entries()) {
    const { fits, shortIds, passedOver } = verdicts[index] ?? { fits: false, shortIds: [] };
    if (passedOver) continue;
    if (fits) looked.chosen.add(row);
    else if (row.may_wait && shortIds.some((id) => downgrading.has(id))) looked.cheaper.push(row.id);
    else {
      looked.refused.push(row);
      if (row.labels !== null) looked.fullLabels.push(...labelsAmong(shortIds, labels));
    }
  }
  return looked;
}

const labelsAmong = (ids: readonly bigint[], labels: ReadonlyMap<bigint, FullLabel>): FullLabel[] =>
  ids.flatMap((id) => labels.get(id) ?? []);

async function markRefused(client: Client, refused: readonly QueuedRow[], now: Date): Promise<void> {
  const news = refused.filter((row) => row.wait_reason !== "budget" || row.labels !== null);
  const restUntil = new Date(now.getTime() + limits.budgetRestMs);
  if (news.length > 0) await markWaiting(client, [news.map((row) => row.id), restUntil]);
}

/** Zero where no price is known: the claim is the place that refuses it. */
function worstNano(row: QueuedRow, bounds: Bounds, now: Date): bigint {
  const price = priceAt(row.model, now.getTime());
  if (price === undefined) return 0n;
  return worstCostNanoUsd({ ...bounds, lane: "realtime", price, traits: traitsOf(row) });
}
