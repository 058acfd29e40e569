// Why work waits for money, for the people whose work it is: which budgets have too little room, how much was wanted, what is left,
// and where the holds in the way are listed. Of a budget that the caller may not see it says only that it is there.
import { formatUsd } from "../../domain/money.ts";
import { availableNano, type CostBounds, explainWait } from "../../money/ceilings.ts";
import type { BudgetRow } from "../../postgres/budgets.ts";
import type { MoneyScope } from "../../postgres/windows.ts";
import type { Api } from "../api.ts";
import type { Caller } from "../caller.ts";
import { budgetWords, maySee, presentWindow } from "./present.ts";

export interface MoneyWait {
  readonly wait_detail: string;
  readonly wait_budgets: readonly unknown[];
}

/** What a piece of work that waits for money is told. */
export async function presentMoneyWait(
  api: Api,
  work: MoneyScope & { readonly bounds: CostBounds },
  caller: Caller,
  origin: string,
): Promise<MoneyWait> {
  const now = api.clock.now();
  const { why, wantedNano, short } = await explainWait(api.pool, work, now);
  if (why === "none_set") return { wait_detail: noneSet, wait_budgets: [] };
  if (why === "room") return { wait_detail: "there is room again; it goes on by itself", wait_budgets: [] };
  const budgets = short.map((row) => ({ row, seen: maySee(row, caller) }));
  const first = budgets.find(({ seen }) => seen) ?? budgets[0];
  return {
    wait_detail: first === undefined ? noneSet : words(first, wantedNano, now),
    wait_budgets: budgets.map(({ row, seen }) => {
      const { ends_at, window, held_usd } = presentWindow(row, now);
      return {
        id: seen ? row.id : null,
        scope: row.scope,
        target: seen ? row.target_name : null,
        window,
        ends_at,
        wanted_usd: formatUsd(wantedNano),
        available_usd: seen ? leftUsd(row) : null,
        held_usd: seen ? held_usd : null,
        holds: seen ? `${origin}/v1/budgets/${row.id}/holds` : null,
      };
    }),
  };
}

const noneSet =
  "none_set: no budget covers this work; set one with POST /v1/budgets or in the settings of its queue";

function words({ row, seen }: { row: BudgetRow; seen: boolean }, wantedNano: bigint, now: Date): string {
  const { ends_at: endsAt, held_usd: heldUsd } = presentWindow(row, now);
  const next = endsAt === null ? "" : `; its next window begins at ${endsAt}`;
  if (!seen) return `a ${row.window_kind} budget of the installation has no room${next}`;
  return (
    `${budgetWords(row)} has ${leftUsd(row)} USD left and the call may cost ${formatUsd(wantedNano)}; ` +
    `${heldUsd} USD are held${next}`
  );
}

function leftUsd(row: BudgetRow): string {
  const left = availableNano(row);
  return formatUsd(left > 0n ? left : 0n);
}
