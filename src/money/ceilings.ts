// What the ceilings over a piece of work say now: why it waits, and whether new work of its kind is turned away. Read without locks:
// it tells people what is in the way and decides nothing; that is done under locks where the hold is taken.
import type { Lane } from "../domain/job.ts";
import { priceAt, traitsOf, worstCostNanoUsd } from "../domain/price.ts";
import type { TraitColumns } from "../domain/price.ts";
import { type BudgetRow, readBudgetsOver, readCheapest } from "../postgres/budgets.ts";
import type { Database } from "../postgres/pool.ts";
import type { MoneyScope } from "../postgres/windows.ts";

/** What a job may cost at most, in the terms of its row. */
export interface CostBounds extends TraitColumns {
  readonly model: string;
  readonly lane: Lane;
  readonly input_tokens_max: number;
  readonly output_tokens_max: number;
}

/** What is left in the window that is open; it may be below zero where a limit was forced down. */
export const availableNano = (budget: BudgetRow): bigint =>
  (budget.window_limit_nano ?? budget.limit_nano) - (budget.spent_nano ?? 0n) - (budget.held_nano ?? 0n);

export interface BudgetWait {
  /** none_set: no budget covers the work. no_room: the budgets named have too little left. room: there is room again. */
  readonly why: "none_set" | "no_room" | "room";
  readonly wantedNano: bigint;
  readonly short: readonly BudgetRow[];
}

/** Why a piece of work has to wait for money. */
export async function explainWait(
  database: Database,
  work: MoneyScope & { readonly bounds: CostBounds },
  at: Date,
): Promise<BudgetWait> {
  const wantedNano = worstNano(work.bounds, at);
  const over = await readBudgetsOver(database, work, at);
  const short = over.filter((budget) => availableNano(budget) < wantedNano);
  if (over.length === 0) return { why: "none_set", wantedNano, short };
  return { why: short.length === 0 ? "room" : "no_room", wantedNano, short };
}

/** Zero where no price is known: the claim refuses that. */
function worstNano(bounds: CostBounds, at: Date): bigint {
  const price = priceAt(bounds.model, at.getTime());
  if (price === undefined) return 0n;
  return worstCostNanoUsd({
    inputTokensMax: bounds.input_tokens_max,
    outputTokensMax: bounds.output_tokens_max,
    lane: bounds.lane,
    price,
    traits: traitsOf(bounds),
  });
}

/** The budgets over a piece of work that turn new submissions away when they have no room. */
export async function rejectingBudgets(database: Database, work: MoneyScope, at: Date): Promise<BudgetRow[]> {
  const over = await readBudgetsOver(database, work, at);
  return over.filter((budget) => budget.when_bound === "reject");
}

/** The least that any job of a bulk may be asked to hold, in nano-dollars; 0 for a bulk without jobs. */
export async function cheapestNano(database: Database, bulkId: string, at: Date): Promise<bigint> {
  const bounds = await readCheapest(database, bulkId);
  const costs = bounds.map((one) => worstNano(one, at)).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return costs[0] ?? 0n;
}
