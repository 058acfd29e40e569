// Creating a queue, changing its settings and its budget: one transaction, serialized by the queue's row.
//
// A queue's settings know one budget of its owner, the short form for the common case: naming one replaces whatever other windows its
// owner has on it. Several at once, and everybody else's, are src/money/budgets.ts. Another kind of window (or another time zone) is
// another budget: the old one is ended, open holds settle into its windows.
import { ServiceError } from "../domain/errors.ts";
import type { WindowKind } from "../domain/budget-window.ts";
import { formatUsd } from "../domain/money.ts";
import { appendAudit } from "../postgres/audit.ts";
import {
  endBudgets,
  insertBudget,
  lockQueueBudgets,
  notifyBudget,
  type LockedBudget,
} from "../postgres/budgets.ts";
import { type Client, withTransaction } from "../postgres/pool.ts";
import { putQueue, type QueueSettings } from "../postgres/queues.ts";
import { type MoneyDeps, requireReason, setBudget } from "./limit.ts";

export interface QueueBudgetWish {
  readonly limitNano: bigint;
  readonly window: WindowKind;
  /** IANA name; where days and months begin. */
  readonly timeZone: string;
}

export interface QueueWish {
  /** The tenant it belongs to; the installation's are shared. */
  readonly tenantId: string;
  readonly name: string;
  readonly settings: QueueSettings;
  /** Undefined leaves it as it is, null ends it. */
  readonly budget: QueueBudgetWish | null | undefined;
  /** Lowers a limit even below what is spent and held. */
  readonly force: boolean;
  /** Why; needed where more may be spent than before. */
  readonly reason: string | null;
  readonly actor: string;
}

/**
 * Creates or changes a queue.
 * @throws ServiceError budget_below_committed | invalid_input (a raise without a reason) | conflict
 */
export async function saveQueue(deps: MoneyDeps, wish: QueueWish): Promise<{ id: string; created: boolean }> {
  const { tenantId, name, settings, actor, reason } = wish;
  const saved = await withTransaction(deps.pool, async (client) => {
    const queue = await putQueue(client, { id: deps.newId(), tenantId, name }, settings);
    const change = await changeQueueBudget(deps, client, queue.id, wish);
    await appendAudit(client, {
      tenantId,
      actor,
      act: queue.created ? "queue.created" : "queue.changed",
      subjectKind: "queue",
      subjectId: queue.id,
      detail: {
        name,
        ...settings,
        approveAboveNano: settings.approveAboveNano?.toString() ?? null,
        ...change,
        ...(reason !== null && { reason }),
      },
    });
    return queue;
  });
  if (wish.budget !== undefined) deps.log.event("budget.changed", { queue: saved.id });
  return saved;
}

type ToldChange = { readonly budget?: Readonly<Record<string, string | null>> };

async function changeQueueBudget(
  deps: MoneyDeps,
  client: Client,
  queueId: string,
  wish: QueueWish,
): Promise<ToldChange> {
  const { budget } = wish;
  if (budget === undefined) return {};
  const open = await lockQueueBudgets(client, { id: queueId, tenantId: wish.tenantId });
  const kept = budget === null ? undefined : open.find((one) => isSame(one, budget));
  const ended = open.filter((one) => one !== kept).map((one) => one.id);
  if (ended.length > 0) requireReason(wish.reason);
  await endBudgets(client, ended);
  if (budget !== null) await putBudget(deps, client, { queueId, kept, budget }, wish);
  await notifyBudget(client, queueId);
  const [before] = open;
  return {
    budget: {
      ...told(budget),
      limit_usd_before: before === undefined ? null : formatUsd(before.limit_nano),
    },
  };
}

/** A budget as the audit event tells it. */
const told = (budget: QueueBudgetWish | null) => ({
  limit_usd: budget === null ? null : formatUsd(budget.limitNano),
  window: budget?.window ?? null,
  time_zone: budget?.timeZone ?? null,
});

interface Putting {
  readonly queueId: string;
  /** The budget that goes on; undefined makes a new one. */
  readonly kept: LockedBudget | undefined;
  readonly budget: QueueBudgetWish;
}

async function putBudget(
  deps: MoneyDeps,
  client: Client,
  { queueId, kept, budget }: Putting,
  { tenantId, settings: { owner }, force, reason }: QueueWish,
): Promise<void> {
  if (kept !== undefined) {
    if (budget.limitNano > kept.limit_nano) requireReason(reason);
    const setting = { id: kept.id, limitNano: budget.limitNano, owner, whenBound: kept.when_bound };
    await setBudget(deps, client, setting, force);
    return;
  }
  const scope = { tenantId, scope: "queue", target: queueId, whenBound: "wait" } as const;
  if (!(await insertBudget(client, { id: deps.newId(), ...scope, owner, ...budget })))
    throw new ServiceError("conflict", { detail: "Somebody else gave this queue a budget at this moment." });
}

const isSame = (open: LockedBudget, wish: QueueBudgetWish): boolean =>
  open.window_kind === wish.window && open.time_zone === wish.timeZone;
