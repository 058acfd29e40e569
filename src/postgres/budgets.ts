// Budgets: what they are, what binds a piece of work, what is held, and changing them. Taking holds against their windows is
// src/postgres/windows.ts.
import type { BudgetScope, WhenBound } from "../domain/budget.ts";
import type { WindowKind } from "../domain/budget-window.ts";
import type { Client, Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";
import type { MoneyScope } from "./windows.ts";

const ofQueuesRows = query("budgets/of-queues");
const listRows = query("budgets/list");
const overWorkRows = query("budgets/over-work");
const holdRows = query("budgets/holds");
const anyRejectingRow = queryOne("budgets/any-rejecting");
const cheapestRows = query("budgets/cheapest-of-bulk");
const lockRow = queryOne("budgets/lock");
const lockOfQueueRows = query("budgets/lock-of-queue");
const lockWindowRows = query("budgets/lock-windows");
const insertRow = queryOne("budgets/insert");
const changeRow = query("budgets/change");
const endRows = query("budgets/end");
const endQuotedRows = query("budgets/end-quoted");
const notifyRow = queryOne("budgets/notify");

export type QueueBudgetRow = RowOf<"budgets/of-queues">;

/** The open budgets of queues with the window of each that is open now. */
export async function readQueueBudgets(
  database: Database,
  queueIds: readonly string[],
  at: Date,
): Promise<QueueBudgetRow[]> {
  return queueIds.length === 0 ? [] : (await ofQueuesRows(database, [queueIds, at])).rows;
}

export type BudgetRow = RowOf<"budgets/list">;

export interface BudgetFilter {
  /** Who looks; null sees every tenant's. */
  readonly tenantId: string | null;
  readonly scope: BudgetScope | null;
  /** An id or a name. */
  readonly target: string | null;
  /** Those that have ended, too. */
  readonly ended: boolean;
  readonly after: string | null;
  readonly rowsMax: number;
}

/** Budgets that a tenant may see, newest first, with the window that is open at an instant. */
export async function listBudgets(database: Database, filter: BudgetFilter, at: Date): Promise<BudgetRow[]> {
  const { tenantId, scope, target, ended, after, rowsMax } = filter;
  return (await listRows(database, [tenantId, null, scope, target, ended, after, rowsMax, at])).rows;
}

/** One budget that a tenant may see, also one that has ended; null sees every tenant's. */
export async function findBudget(
  database: Database,
  id: string,
  tenantId: string | null,
  at: Date,
): Promise<BudgetRow | undefined> {
  return (await listRows(database, [tenantId, id, null, null, true, null, 1, at])).rows[0];
}

/** The budgets that bind a piece of work, with the window that is open at an instant. `labels` are all it has, as JSON text. */
export async function readBudgetsOver(database: Database, work: MoneyScope, at: Date): Promise<BudgetRow[]> {
  const { tenantId, queueId, jobType, bulkId, labels } = work;
  return (await overWorkRows(database, [tenantId, queueId, jobType, bulkId, labels ?? "{}", at])).rows;
}

export type HoldRow = RowOf<"budgets/holds">;

/** The open holds on a budget, in the order in which they were taken. */
export async function readHolds(
  database: Database,
  budgetId: string,
  page: { after: string | null; rowsMax: number },
): Promise<HoldRow[]> {
  return (await holdRows(database, [budgetId, page.after, page.rowsMax])).rows;
}

/** Whether any budget turns new submissions away when it has no room. */
export async function existsRejecting(database: Database): Promise<boolean> {
  return (await anyRejectingRow(database, []))?.found === true;
}

/** The smallest bounds of a bulk's jobs, for each way in which they can be charged. */
export async function readCheapest(
  database: Database,
  bulkId: string,
): Promise<RowOf<"budgets/cheapest-of-bulk">[]> {
  return (await cheapestRows(database, [bulkId])).rows;
}

export type LockedBudget = Pick<
  RowOf<"budgets/lock">,
  "id" | "owner" | "limit_nano" | "window_kind" | "time_zone" | "when_bound"
>;

/** Locks one budget until the end of the transaction. */
export function lockBudget(client: Client, id: string): Promise<RowOf<"budgets/lock"> | undefined> {
  return lockRow(client, [id]);
}

/** Locks the open budgets that a tenant has on a queue until the end of the transaction. */
export async function lockQueueBudgets(
  client: Client,
  queue: { id: string; tenantId: string },
): Promise<LockedBudget[]> {
  return (await lockOfQueueRows(client, [queue.id, queue.tenantId])).rows;
}

/** Locks the windows of a budget that can still take holds, with what is spent and held in each. */
export async function lockBudgetWindows(
  client: Client,
  budgetId: string,
  at: Date,
): Promise<RowOf<"budgets/lock-windows">[]> {
  return (await lockWindowRows(client, [budgetId, at])).rows;
}

export interface NewBudget {
  readonly id: string;
  /** Who manages it. */
  readonly tenantId: string;
  readonly scope: BudgetScope;
  readonly target: string;
  readonly owner: string;
  readonly limitNano: bigint;
  readonly window: WindowKind;
  readonly timeZone: string;
  readonly whenBound: WhenBound;
}

/** Creates a budget; false where an open one of this scope, target, manager and kind of window is there already. */
export async function insertBudget(client: Client, budget: NewBudget): Promise<boolean> {
  const { id, tenantId, scope, target, owner, limitNano, window, timeZone, whenBound } = budget;
  const inserted = await insertRow(client, [
    id,
    tenantId,
    scope,
    target,
    owner,
    limitNano,
    window,
    timeZone,
    whenBound,
  ]);
  return inserted !== undefined;
}

/** Writes what a budget is from now on; it and these windows must be locked. */
export async function updateBudget(
  client: Client,
  budget: { id: string; limitNano: bigint; owner: string; whenBound: WhenBound },
  windowIds: readonly bigint[],
): Promise<void> {
  await changeRow(client, [budget.id, budget.limitNano, budget.owner, budget.whenBound, windowIds]);
}

/** Ends budgets; their windows stay for what settles into them. */
export async function endBudgets(client: Client, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await endRows(client, [ids]);
}

/** Ends the budgets that quotes made for bulks that are finished and hold nothing any more; answers their ids. */
export async function endQuotedBudgets(database: Database, rowsMax: number): Promise<string[]> {
  return (await endQuotedRows(database, [rowsMax])).rows.map((row) => row.id);
}

/** Tells the lanes, with the commit, that a budget changed; `about` is its queue or itself. */
export async function notifyBudget(database: Database, about: string): Promise<void> {
  await notifyRow(database, [about]);
}
