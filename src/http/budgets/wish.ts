// What callers say about money: amounts, time zones, reasons, and which thing a budget is for.
import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { requireTenant } from "../../control/access.ts";
import type { BudgetScope } from "../../domain/budget.ts";
import { isTimeZone } from "../../domain/budget-window.ts";
import { ServiceError } from "../../domain/errors.ts";
import { installationTenantId, isId } from "../../domain/ids.ts";
import { parseUsd } from "../../domain/money.ts";
import { labelPairSchema } from "../../intake/line-schema.ts";
import { findBulk } from "../../postgres/bulks.ts";
import { findQueue } from "../../postgres/queues.ts";
import type { Api } from "../api.ts";
import type { Caller } from "../caller.ts";
import { requireType } from "../target.ts";

/** Dollars as nano-dollars. */
export const usdText = z
  .string()
  .transform((text, context) => {
    const nano = parseUsd(text);
    if (nano !== null) return nano;
    context.addIssue({ code: "custom", message: 'must be dollars as a decimal string, such as "12.50"' });
    return z.NEVER;
  })
  .meta({ description: "Dollars as a decimal string." });

export const timeZoneText = z.string().max(64).refine(isTimeZone, { error: "must be an IANA time zone" });

export const reasonText = z
  .string()
  .trim()
  .min(1)
  .max(limits.reasonCharsMax)
  .refine((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text), { error: "must be one line of text" });

interface TargetWish {
  readonly scope: BudgetScope;
  readonly target?: string | undefined;
  /** The installation's queue of that name. */
  readonly shared: boolean;
}

/**
 * The target of a budget as it is stored, and who is to manage it: the tenant the caller acts for, or the installation.
 * @throws ServiceError forbidden_scope | invalid_input | not_found | queue_not_found | type_not_found
 */
export async function budgetTarget(
  api: Api,
  caller: Caller,
  wish: TargetWish,
): Promise<{ tenantId: string; target: string }> {
  const { tenantId } = caller;
  switch (wish.scope) {
    case "global":
      if (!caller.installation)
        throw new ServiceError("forbidden_scope", {
          detail: "A global budget needs a key of the installation.",
        });
      if (wish.target !== undefined) throw wrongTarget("must be left out for global");
      return { tenantId: installationTenantId, target: "" };
    case "tenant":
      return { tenantId, target: await tenantTarget(api, caller, wish.target) };
    case "queue":
      return queueTarget(api, caller, wish);
    case "job_type":
      return { tenantId, target: requireType(api, named(wish.target)).name };
    case "label":
      return { tenantId, target: labelTarget(named(wish.target)) };
    case "bulk":
      return { tenantId, target: await bulkTarget(api, caller, named(wish.target)) };
    default:
      return wish.scope satisfies never;
  }
}

const wrongTarget = (reason: string): ServiceError =>
  new ServiceError("invalid_input", { fields: [{ field: "target", reason }] });

function named(target: string | undefined): string {
  if (target === undefined) throw wrongTarget("is required for this scope");
  return target;
}

/** A tenant means itself; only the installation may name another, and to everybody else there is none. */
async function tenantTarget(api: Api, caller: Caller, name: string | undefined): Promise<string> {
  if (name === undefined || name === caller.tenantName) {
    if (caller.tenantId === installationTenantId) named(name);
    return caller.tenantId;
  }
  if (!caller.installation) throw new ServiceError("not_found", { detail: "There is no such tenant." });
  return (await requireTenant(api, name)).id;
}

async function queueTarget(
  api: Api,
  caller: Caller,
  { target, shared }: TargetWish,
): Promise<{ tenantId: string; target: string }> {
  const queue = await findQueue(api.pool, caller.tenantId, named(target), shared);
  if (queue === undefined) throw new ServiceError("queue_not_found");
  if (queue.tenantId === caller.tenantId || caller.installation)
    return { tenantId: queue.tenantId, target: queue.id };
  throw new ServiceError("forbidden_scope", {
    detail: "The budget of a shared queue needs a key of the installation.",
  });
}

function labelTarget(pair: string): string {
  const checked = labelPairSchema.safeParse(pair);
  if (!checked.success) throw wrongTarget(checked.error.issues[0]?.message ?? "must be name:value");
  return pair;
}

async function bulkTarget(api: Api, caller: Caller, id: string): Promise<string> {
  const bulk = isId(id) ? await findBulk(api.pool, id, caller.tenantId) : undefined;
  if (bulk === undefined) throw new ServiceError("not_found", { detail: "There is no such bulk." });
  return bulk.id;
}
