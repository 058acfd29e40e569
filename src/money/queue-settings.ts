// Creating a queue, changing its settings and its budget: one transaction, serialized by the queue's row.
//
// The budget is a ceiling that holds are taken against at this very moment, so its limit moves under the locks of the budget and
// of its windows, in that order and windows by id, as everybody takes them. A limit below what is spent and held already is
// refused with the smallest one possible, or forced: then nothing new starts until spend and holds are below it again. Another
// kind of window (or another time zone) is another budget: the old one is ended, open holds settle into its windows.
import type { Clock } from "../domain/clock.ts";
import { ServiceError } from "../domain/errors.ts";
import type { WindowKind } from "../domain/budget-window.ts";
import { formatUsd } from "../domain/money.ts";
import type { Log } from "../observe/log.ts";
import { appendAudit } from "../postgres/audit.ts";
import {
  changeLimit,
  endBudgets,
  insertQueueBudget,
  lockBudgetWindows,
  lockQueueBudgets,
  notifyBudget,
  type LockedBudget,
} from "../postgres/budgets.ts";
import { type Client, type Pool, withTransaction } from "../postgres/pool.ts";
import { putQueue, type QueueSettings } from "../postgres/queues.ts";

export interface QueueDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
}

export interface BudgetWish {
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
  readonly budget: BudgetWish | null | undefined;
  /** Lowers a limit even below what is spent and held. */
  readonly force: boolean;
  readonly actor: string;
}

/**
 * Creates or changes a queue.
 * @throws ServiceError budget_below_committed
 */
export async function saveQueue(deps: QueueDeps, wish: QueueWish): Promise<{ id: string; created: boolean }> {
  const { tenantId, name, settings, actor } = wish;
  const saved = await withTransaction(deps.pool, async (client) => {
    const queue = await putQueue(client, { id: deps.newId(), tenantId, name }, settings);
    const change = await changeBudget(deps, client, queue.id, wish);
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
      },
    });
    return queue;
  });
  if (wish.budget !== undefined) deps.log.event("budget.changed", { queue: saved.id });
  return saved;
}

type BudgetChange = { readonly budget?: Readonly<Record<string, string | null>> };

async function changeBudget(
  deps: QueueDeps,
  client: Client,
  queueId: string,
  wish: QueueWish,
): Promise<BudgetChange> {
  const { budget } = wish;
  if (budget === undefined) return {};
  const open = await lockQueueBudgets(client, queueId);
  const kept = budget === null ? undefined : open.find((one) => isSame(one, budget));
  await endBudgets(
    client,
    open.filter((one) => one !== kept).map((one) => one.id),
  );
  if (budget !== null) await setLimit(deps, client, { queueId, kept, budget }, wish);
  await notifyBudget(client, queueId);
  return { budget: { ...told(budget), limit_usd_before: told(ownLimit(open[0])).limit_usd } };
}

const ownLimit = (open: LockedBudget | undefined): Pick<BudgetWish, "limitNano"> | null =>
  open === undefined ? null : { limitNano: open.limit_nano };

/** A budget as the audit event tells it. */
const told = (budget: (Partial<BudgetWish> & Pick<BudgetWish, "limitNano">) | null) => ({
  limit_usd: budget === null ? null : formatUsd(budget.limitNano),
  window: budget?.window ?? null,
  time_zone: budget?.timeZone ?? null,
});

interface Setting {
  readonly queueId: string;
  /** The budget that goes on; undefined makes a new one. */
  readonly kept: LockedBudget | undefined;
  readonly budget: BudgetWish;
}

async function setLimit(
  deps: QueueDeps,
  client: Client,
  { queueId, kept, budget }: Setting,
  { tenantId, settings, force }: QueueWish,
): Promise<void> {
  const { owner } = settings;
  if (kept === undefined)
    await insertQueueBudget(client, { id: deps.newId(), tenantId, queueId, owner, ...budget });
  else await moveLimit(deps, client, kept, { limitNano: budget.limitNano, owner, force });
}

const isSame = (open: LockedBudget, wish: BudgetWish): boolean =>
  open.window_kind === wish.window && open.time_zone === wish.timeZone;

async function moveLimit(
  deps: QueueDeps,
  client: Client,
  budget: LockedBudget,
  { limitNano, owner, force }: { limitNano: bigint; owner: string; force: boolean },
): Promise<void> {
  const windows = await lockBudgetWindows(client, budget.id, deps.clock.now());
  const smallest = windows.reduce((most, { committed_nano: nano }) => (nano > most ? nano : most), 0n);
  if (limitNano < smallest && !force) {
    const usd = formatUsd(smallest);
    throw new ServiceError("budget_below_committed", {
      detail: `${usd} USD are spent and held; the limit must be at least that.`,
      extra: { smallest_limit_usd: usd },
    });
  }
  await changeLimit(
    client,
    { id: budget.id, limitNano, owner },
    windows.map(({ id }) => id),
  );
}
