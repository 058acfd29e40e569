// Budgets and holds as the API shows them, the parts that are printed.
import { z } from "zod";
import type { Cell } from "./output.ts";

export const budgetSchema = z.object({
  id: z.string(),
  scope: z.string(),
  target: z.string(),
  tenant: z.string(),
  owner: z.string(),
  limit_usd: z.string(),
  window: z.string(),
  time_zone: z.string(),
  when_bound: z.string(),
  spent_usd: z.string(),
  held_usd: z.string(),
  available_usd: z.string(),
  ends_at: z.string().nullable(),
  ended_at: z.string().nullable(),
});
export type BudgetStatus = z.infer<typeof budgetSchema>;

export const budgetPageSchema = z.object({ budgets: z.array(budgetSchema), next: z.string().nullable() });

export const budgetHead = [
  "BUDGET",
  "OF",
  "TENANT",
  "LIMIT",
  "SPENT",
  "HELD",
  "FREE",
  "WHEN BOUND",
  "OWNER",
] as const;

const ofText = ({ scope, target }: BudgetStatus): string =>
  scope === "global" ? "everything" : `${scope} ${target}`;

export function budgetRow(budget: BudgetStatus): Cell[] {
  return [
    budget.id,
    ofText(budget),
    budget.tenant,
    `$${budget.limit_usd}/${budget.window}`,
    `$${budget.spent_usd}`,
    `$${budget.held_usd}`,
    `$${budget.available_usd}`,
    budget.ended_at === null ? budget.when_bound : "ended",
    budget.owner,
  ];
}

/** One budget in a few lines. */
export function budgetText(budget: BudgetStatus): string {
  const until =
    budget.ends_at === null ? "" : `, until ${budget.ends_at} (days and months of ${budget.time_zone})`;
  return [
    `Budget ${budget.id} of ${ofText(budget)}, managed by ${budget.tenant}, owner ${budget.owner}.`,
    `$${budget.limit_usd} per ${budget.window}${until}: spent $${budget.spent_usd}, held $${budget.held_usd}, free $${budget.available_usd}.`,
    budget.ended_at === null
      ? `When it is bound: ${budget.when_bound}.`
      : `It ended at ${budget.ended_at} and binds nothing.`,
  ].join("\n");
}

const holdSchema = z.object({
  id: z.string(),
  owner: z.object({ kind: z.string(), id: z.string() }),
  reason: z.string(),
  state: z.string(),
  remaining_usd: z.string(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
});
export const holdPageSchema = z.object({ holds: z.array(holdSchema), next: z.string().nullable() });

export const holdHead = ["HOLD", "OWNER", "REASON", "HELD", "SINCE", "EXPIRES"] as const;

export const holdRow = (hold: z.infer<typeof holdSchema>): Cell[] => [
  hold.id,
  `${hold.owner.kind.replace("_", " ")} ${hold.owner.id}`,
  hold.reason,
  `$${hold.remaining_usd}`,
  hold.created_at,
  hold.expires_at,
];
