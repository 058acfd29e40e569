// The budgets of queues: what they are, and changing them. Taking holds against their windows is src/postgres/windows.ts.
import type { WindowKind } from "../domain/budget-window.ts";
import type { Client, Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const ofQueuesRows = query("budgets/of-queues");
const lockOfQueueRows = query("budgets/lock-of-queue");
const lockWindowRows = query("budgets/lock-windows");
const insertRow = query("budgets/insert");
const changeLimitRow = query("budgets/change-limit");
const endRows = query("budgets/end");
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

export type LockedBudget = RowOf<"budgets/lock-of-queue">;

/** Locks the open budgets of a queue until the end of the transaction. */
export async function lockQueueBudgets(client: Client, queueId: string): Promise<LockedBudget[]> {
  return (await lockOfQueueRows(client, [queueId])).rows;
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
  readonly tenantId: string;
  readonly queueId: string;
  readonly owner: string;
  readonly limitNano: bigint;
  readonly window: WindowKind;
  readonly timeZone: string;
}

export async function insertQueueBudget(client: Client, budget: NewBudget): Promise<void> {
  const { id, tenantId, queueId, owner, limitNano, window, timeZone } = budget;
  await insertRow(client, [id, tenantId, queueId, owner, limitNano, window, timeZone]);
}

/** Moves a limit; the budget and these windows must be locked. */
export async function changeLimit(
  client: Client,
  budget: { id: string; limitNano: bigint; owner: string },
  windowIds: readonly bigint[],
): Promise<void> {
  await changeLimitRow(client, [budget.id, budget.limitNano, budget.owner, windowIds]);
}

/** Ends budgets; their windows stay for what settles into them. */
export async function endBudgets(client: Client, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await endRows(client, [ids]);
}

/** Tells the lanes, with the commit, that a queue's budget changed. */
export async function notifyBudget(client: Client, queueId: string): Promise<void> {
  await notifyRow(client, [queueId]);
}
