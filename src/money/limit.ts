// What every change of a ceiling has in common, whichever door it came through.
//
// A budget is a ceiling that holds are taken against at this very moment, so its limit moves under the locks of the budget and
// of its windows, in that order and windows by id, as everybody takes them. A limit below what is spent and held already is
// refused with the smallest one possible, or forced: then nothing new starts until spend and holds are below it again.
//
// Whatever lets more be spent than before (a higher limit, another window, an end) needs a reason, and the audit trail keeps it.
import type { WhenBound } from "../domain/budget.ts";
import type { Clock } from "../domain/clock.ts";
import { ServiceError } from "../domain/errors.ts";
import { formatUsd } from "../domain/money.ts";
import type { Log } from "../observe/log.ts";
import { lockBudgetWindows, updateBudget } from "../postgres/budgets.ts";
import type { Client, Pool } from "../postgres/pool.ts";

export interface MoneyDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
}

/** @throws ServiceError invalid_input where there is none */
export function requireReason(reason: string | null): string {
  if (reason !== null) return reason;
  const why = "is required to raise, replace or end a budget";
  throw new ServiceError("invalid_input", { fields: [{ field: "reason", reason: why }] });
}

export interface Setting {
  readonly id: string;
  readonly limitNano: bigint;
  readonly owner: string;
  readonly whenBound: WhenBound;
}

/**
 * Sets a locked budget; `force` lowers its limit even below what is spent and held.
 * @throws ServiceError budget_below_committed
 */
export async function setBudget(
  deps: Pick<MoneyDeps, "clock">,
  client: Client,
  setting: Setting,
  force: boolean,
): Promise<void> {
  const windows = await lockBudgetWindows(client, setting.id, deps.clock.now());
  const smallest = windows.reduce((most, { committed_nano: nano }) => (nano > most ? nano : most), 0n);
  if (setting.limitNano < smallest && !force) {
    const usd = formatUsd(smallest);
    throw new ServiceError("budget_below_committed", {
      detail: `${usd} USD are spent and held; the limit must be at least that.`,
      extra: { smallest_limit_usd: usd },
    });
  }
  await updateBudget(
    client,
    setting,
    windows.map(({ id }) => id),
  );
}
