// Budgets that reject: a submission of which nothing could start now is refused before it is accepted, and the refusal names the
// budget and the holds in its way. It is asked twice. Before the body is read, because a million lines should not be sent for nothing;
// then again with the jobs written and nothing committed, because only then it is known what the cheapest of them may cost.
//
// It is a courtesy, not the ceiling: what slips through between two looks waits like any other work. Labels are those of the
// submission as a whole.
import { limits } from "../../config/limits.ts";
import { ServiceError } from "../../domain/errors.ts";
import { formatUsd } from "../../domain/money.ts";
import { availableNano, cheapestNano, rejectingBudgets } from "../../money/ceilings.ts";
import { type BudgetRow, existsRejecting, readHolds } from "../../postgres/budgets.ts";
import type { Client } from "../../postgres/pool.ts";
import type { MoneyScope } from "../../postgres/windows.ts";
import type { Api } from "../api.ts";
import type { AppDeps } from "../deps.ts";
import type { Caller } from "../caller.ts";
import { budgetWords, maySee, presentHold, presentWindow } from "./present.ts";

/** Whether there are budgets that reject at all, believed for a moment: most installations have none. */
export function createRejectingCheck({ pool, clock }: AppDeps): () => Promise<boolean> {
  let known = false;
  let untilMs = -Infinity;
  return async () => {
    if (clock.monotonicMs() < untilMs) return known;
    known = await existsRejecting(pool);
    untilMs = clock.monotonicMs() + limits.rejectingCacheMs;
    return known;
  };
}

type Submitted = Pick<MoneyScope, "queueId" | "jobType"> & { labels: Readonly<Record<string, string>> };

/**
 * Refuses work that a budget without room rejects; answers the second question, for the transaction that has written the bulk.
 * @throws ServiceError budget_bound
 */
export async function requireRoom(
  api: Api,
  caller: Caller,
  { labels, ...submitted }: Submitted,
): Promise<(client: Client, bulkId: string) => Promise<void>> {
  if (!(await api.anyRejecting())) return () => Promise.resolve();
  const work = { ...submitted, tenantId: caller.tenantId, bulkId: "", labels: JSON.stringify(labels) };
  const now = api.clock.now();
  await refuse(api, caller, await rejectingBudgets(api.pool, work, now), 1n);
  return async (client, bulkId) => {
    const budgets = await rejectingBudgets(client, { ...work, bulkId }, now);
    if (budgets.length > 0) await refuse(api, caller, budgets, await cheapestNano(client, bulkId, now));
  };
}

/** @throws ServiceError budget_bound where one of them has less left than what is wanted */
async function refuse(
  api: Api,
  caller: Caller,
  budgets: readonly BudgetRow[],
  wantedNano: bigint,
): Promise<void> {
  const full = budgets.filter((budget) => availableNano(budget) < wantedNano);
  const row = full.find((budget) => maySee(budget, caller)) ?? full[0];
  if (row === undefined) return;
  const now = api.clock.now();
  const { ends_at: endsAt, ...figures } = presentWindow(row, now);
  const retryAfterS =
    endsAt === null ? undefined : Math.ceil((new Date(endsAt).getTime() - now.getTime()) / 1_000);
  if (!maySee(row, caller))
    throw new ServiceError("budget_bound", {
      detail: "It is a budget of the installation.",
      retryAfterS,
      extra: { budget: null, scope: row.scope, window: figures.window, window_ends_at: endsAt },
    });
  const holds = await readHolds(api.pool, row.id, { after: null, rowsMax: limits.holdsNamedMax });
  throw new ServiceError("budget_bound", {
    detail: `${budgetWords(row)} has ${figures.available_usd} USD left of ${figures.limit_usd}.`,
    retryAfterS,
    extra: {
      budget: row.id,
      scope: row.scope,
      target: row.target_name,
      wanted_usd: formatUsd(wantedNano),
      ...figures,
      window_ends_at: endsAt,
      holds: holds.map(presentHold),
    },
  });
}
