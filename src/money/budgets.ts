// Creating, changing and ending budgets of any scope. Each is one transaction that ends with its audit event: who did it, from what
// to what, and why. Dying before the commit leaves everything as it was; the lanes hear of it with the commit and look again.
import type { BudgetScope, WhenBound } from "../domain/budget.ts";
import type { WindowKind } from "../domain/budget-window.ts";
import { ServiceError } from "../domain/errors.ts";
import { formatUsd } from "../domain/money.ts";
import { appendAudit } from "../postgres/audit.ts";
import { endBudgets, insertBudget, lockBudget, notifyBudget } from "../postgres/budgets.ts";
import { type Client, withTransaction } from "../postgres/pool.ts";
import { type MoneyDeps, requireReason, setBudget } from "./limit.ts";

export interface BudgetWish {
  /** Who manages it. */
  readonly tenantId: string;
  readonly scope: BudgetScope;
  /** An id; the name of a job type; `name:value` of a label; empty for global. */
  readonly target: string;
  readonly owner: string;
  readonly limitNano: bigint;
  readonly window: WindowKind;
  readonly timeZone: string;
  readonly whenBound: WhenBound;
  readonly reason: string | null;
  readonly actor: string;
}

/**
 * Creates a budget and answers its id.
 * @throws ServiceError conflict where its manager has one of this scope, target and kind of window
 */
export async function createBudget(deps: MoneyDeps, wish: BudgetWish): Promise<string> {
  const id = deps.newId();
  await withTransaction(deps.pool, async (client) => {
    if (!(await insertBudget(client, { id, ...wish })))
      throw new ServiceError("conflict", {
        detail: "There is an open budget of this scope, target and window; change that one.",
      });
    await notifyBudget(client, aboutOf(id, wish));
    await tell(client, { id, ...wish }, "budget.created", {
      scope: wish.scope,
      target: wish.target,
      owner: wish.owner,
      limit_usd: formatUsd(wish.limitNano),
      window: wish.window,
      time_zone: wish.timeZone,
      when_bound: wish.whenBound,
      reason: wish.reason,
    });
  });
  deps.log.event("budget.created", { budget: id });
  return id;
}

export interface BudgetChange {
  readonly id: string;
  /** Undefined leaves it as it is. */
  readonly limitNano?: bigint | undefined;
  readonly owner?: string | undefined;
  readonly whenBound?: WhenBound | undefined;
  /** Lowers the limit even below what is spent and held. */
  readonly force: boolean;
  readonly mayRaise: boolean;
  readonly reason: string | null;
  readonly actor: string;
}

/**
 * Changes a budget.
 * @throws ServiceError not_found | conflict (it has ended) | forbidden_scope and invalid_input (a raise) | budget_below_committed
 */
export async function changeBudget(deps: MoneyDeps, change: BudgetChange): Promise<void> {
  await withTransaction(deps.pool, async (client) => {
    const before = await lockOpen(client, change.id);
    const limitNano = change.limitNano ?? before.limit_nano;
    const raised = limitNano > before.limit_nano;
    if (raised && !change.mayRaise)
      throw new ServiceError("forbidden_scope", { detail: "Raising a budget needs the scope admin." });
    if (raised) requireReason(change.reason);
    const owner = change.owner ?? before.owner;
    const whenBound = change.whenBound ?? before.when_bound;
    await setBudget(deps, client, { id: before.id, limitNano, owner, whenBound }, change.force);
    await notifyBudget(client, aboutOf(before.id, before));
    const about = { id: before.id, tenantId: before.tenant_id, actor: change.actor };
    await tell(client, about, raised ? "budget.raised" : "budget.changed", {
      limit_usd: formatUsd(limitNano),
      limit_usd_before: formatUsd(before.limit_nano),
      owner,
      when_bound: whenBound,
      forced: change.force,
      reason: change.reason,
    });
  });
  deps.log.event("budget.changed", { budget: change.id });
}

/**
 * Ends a budget: it binds nothing from now on, and what is held settles into its windows.
 * @throws ServiceError not_found | conflict (it has ended)
 */
export async function endBudget(
  deps: MoneyDeps,
  end: { readonly id: string; readonly reason: string; readonly actor: string },
): Promise<void> {
  await withTransaction(deps.pool, async (client) => {
    const before = await lockOpen(client, end.id);
    await endBudgets(client, [before.id]);
    await notifyBudget(client, aboutOf(before.id, before));
    const about = { id: before.id, tenantId: before.tenant_id, actor: end.actor };
    await tell(client, about, "budget.ended", {
      limit_usd_before: formatUsd(before.limit_nano),
      reason: end.reason,
    });
  });
  deps.log.event("budget.ended", { budget: end.id });
}

async function lockOpen(client: Client, id: string) {
  const budget = await lockBudget(client, id);
  if (budget === undefined) throw new ServiceError("not_found");
  if (budget.ended_at === null) return budget;
  throw new ServiceError("conflict", { detail: `It ended at ${budget.ended_at.toISOString()}.` });
}

/** What the lanes hear: a queue's id where it is about one. */
const aboutOf = (id: string, { scope, target }: { scope: string; target: string }): string =>
  scope === "queue" ? target : id;

function tell(
  client: Client,
  { id, tenantId, actor }: { id: string; tenantId: string; actor: string },
  act: "budget.created" | "budget.raised" | "budget.changed" | "budget.ended",
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  return appendAudit(client, { tenantId, actor, act, subjectKind: "budget", subjectId: id, detail });
}
