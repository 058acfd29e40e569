// Budgets and holds as the API shows them, and who may see which: a tenant its own and those of the installation on itself, the
// installation all. Figures of a ceiling over everybody would tell what others spend.
import { z } from "zod";
import { budgetScopes, whenBoundRules } from "../../domain/budget.ts";
import { windowAt, type WindowKind, windowKinds } from "../../domain/budget-window.ts";
import { formatUsd } from "../../domain/money.ts";
import type { BudgetRow, HoldRow } from "../../postgres/budgets.ts";
import type { Caller } from "../caller.ts";
import { iso } from "../present.ts";
import { usdSchema } from "../schemas.ts";

const instant = z.iso.datetime();

/** The window that is open, in money and time; the same for a queue's budget and any other. */
export const windowFigures = {
  limit_usd: usdSchema,
  window: z.enum(windowKinds),
  time_zone: z.string(),
  when_bound: z.enum(whenBoundRules),
  spent_usd: usdSchema,
  held_usd: usdSchema,
  available_usd: usdSchema,
  overrun_usd: usdSchema,
  starts_at: instant,
  ends_at: instant.nullable(),
};

export const budgetSchema = z
  .object({
    id: z.string(),
    scope: z.enum(budgetScopes),
    target: z.string().meta({ description: "By name; an id for a bulk, name:value for a label." }),
    target_id: z.string(),
    tenant: z.string().meta({ description: "Who manages it." }),
    owner: z.string(),
    ...windowFigures,
    created_at: instant,
    updated_at: instant,
    ended_at: instant.nullable(),
    links: z.object({ self: z.url(), holds: z.url() }),
  })
  .meta({ id: "Budget" });

export const holdSchema = z
  .object({
    id: z.string(),
    owner: z.object({
      kind: z.enum(["attempt", "message_batch"]),
      id: z.string(),
      job: z.string().nullable(),
      attempt: z.int().nullable(),
    }),
    reason: z.string(),
    state: z.enum(["open", "settled", "released", "presumed"]),
    amount_usd: usdSchema.meta({ description: "Reserved in this budget when it was taken." }),
    remaining_usd: usdSchema,
    window_starts_at: instant,
    created_at: instant,
    expires_at: instant
      .nullable()
      .meta({ description: "null: it ends with its owner, or with the lease of the owner's process." }),
  })
  .meta({ id: "Hold" });

interface WindowRow {
  readonly limit_nano: bigint;
  readonly window_kind: WindowKind;
  readonly time_zone: string;
  readonly when_bound: string;
  readonly created_at: Date;
  readonly starts_at: Date | null;
  readonly ends_at: Date | null;
  readonly window_limit_nano: bigint | null;
  readonly spent_nano: bigint | null;
  readonly held_nano: bigint | null;
  readonly overrun_nano: bigint | null;
}

/** The window is opened by the first hold in it; before that it is shown as it will be. */
export function presentWindow(row: WindowRow, now: Date) {
  const coming = windowAt(row.window_kind, row.time_zone, now, row.created_at);
  const limit = row.window_limit_nano ?? row.limit_nano;
  const spent = row.spent_nano ?? 0n;
  const held = row.held_nano ?? 0n;
  const available = limit - spent - held;
  return {
    limit_usd: formatUsd(limit),
    window: row.window_kind,
    time_zone: row.time_zone,
    when_bound: row.when_bound,
    spent_usd: formatUsd(spent),
    held_usd: formatUsd(held),
    available_usd: formatUsd(available > 0n ? available : 0n),
    overrun_usd: formatUsd(row.overrun_nano ?? 0n),
    starts_at: iso(row.starts_at ?? coming.startsAt),
    ends_at: row.window_kind === "total" ? null : iso(row.ends_at ?? coming.endsAt),
  };
}

export function presentBudget(row: BudgetRow, now: Date, origin: string) {
  const self = `${origin}/v1/budgets/${row.id}`;
  return {
    id: row.id,
    scope: row.scope,
    target: row.target_name,
    target_id: row.target,
    tenant: row.tenant_name,
    owner: row.owner,
    ...presentWindow(row, now),
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
    ended_at: iso(row.ended_at),
    links: { self, holds: `${self}/holds` },
  };
}

export function presentHold(row: HoldRow) {
  const [job = null, attempt] = row.owner_kind === "attempt" ? row.owner_id.split("-") : [];
  return {
    id: row.id,
    owner: {
      kind: row.owner_kind,
      id: row.owner_id,
      job,
      attempt: attempt === undefined ? null : Number(attempt),
    },
    reason: row.reason,
    state: row.state,
    amount_usd: formatUsd(row.amount_nano),
    remaining_usd: formatUsd(row.remaining_nano),
    window_starts_at: iso(row.starts_at),
    created_at: iso(row.created_at),
    expires_at: iso(row.expires_at),
  };
}

/** Whether the caller may see a budget with its figures. */
export const maySee = (row: BudgetRow, caller: Caller): boolean =>
  caller.installation ||
  row.tenant_id === caller.tenantId ||
  (row.scope === "tenant" && row.target === caller.tenantId);

/** A budget in a few words: `the day budget 01… of queue tickets`. */
export function budgetWords(row: BudgetRow): string {
  const of = row.scope === "global" ? "everything" : `${row.scope.replace("_", " ")} ${row.target_name}`;
  return `the ${row.window_kind} budget ${row.id} of ${of}`;
}
