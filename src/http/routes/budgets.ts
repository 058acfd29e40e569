// Ceilings over the API. Creating, raising and ending one is for admins, and leaves a reason behind; lowering and the rest is for those
// who operate. An installation key that acts for no tenant sees and changes everybody's.
import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { mayDo } from "../../domain/access.ts";
import { budgetScopes, whenBoundRules } from "../../domain/budget.ts";
import { windowKinds } from "../../domain/budget-window.ts";
import { ServiceError } from "../../domain/errors.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { printableText } from "../../intake/line-schema.ts";
import { changeBudget, createBudget, endBudget } from "../../money/budgets.ts";
import { type BudgetRow, findBudget, listBudgets, readHolds } from "../../postgres/budgets.ts";
import type { Api } from "../api.ts";
import { budgetSchema, holdSchema, presentBudget, presentHold } from "../budgets/present.ts";
import { budgetTarget, reasonText, timeZoneText, usdText } from "../budgets/wish.ts";
import type { Caller } from "../caller.ts";
import { defineRoute, type Route } from "../route.ts";
import { idParams, idSchema, pageOf, pageQuery } from "../schemas.ts";

const target = z
  .string()
  .min(1)
  .max(limits.labelNameCharsMax + limits.labelValueCharsMax + 1);
const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const whenBound = z.enum(whenBoundRules).meta({
  description:
    "wait: work waits for the next window or a raise. reject: new submissions of which nothing fits are refused. downgrade: " +
    "realtime work that may wait goes to the batch lane.",
});

const newBudget = z
  .strictObject({
    scope: z.enum(budgetScopes),
    target: target.optional().meta({
      description:
        "Name of the queue, tenant or job type; name:value of a label; id of a bulk; nothing for global.",
    }),
    shared: z.boolean().default(false).meta({ description: "The installation's queue of that name." }),
    owner: printableText(limits.keyCharsMax).optional(),
    limit_usd: usdText,
    window: z.enum(windowKinds),
    time_zone: timeZoneText.default("UTC"),
    when_bound: whenBound.default("wait"),
    reason: reasonText.optional(),
  })
  .meta({ id: "NewBudget" });

const budgetChange = z
  .strictObject({
    limit_usd: usdText.optional(),
    owner: printableText(limits.keyCharsMax).optional(),
    when_bound: whenBound.optional(),
    force: z
      .boolean()
      .default(false)
      .meta({ description: "Lowers the limit even below what is spent and held; then nothing new starts." }),
    reason: reasonText.optional().meta({ description: "Needed for a raise." }),
  })
  .meta({ id: "BudgetChange", description: "Members that are left out keep their value." });

/** Whose budgets a caller sees: null is everybody's. */
const seenBy = (caller: Caller): string | null =>
  caller.installation && caller.tenantId === installationTenantId ? null : caller.tenantId;

async function requireBudget(api: Api, id: string, caller: Caller): Promise<BudgetRow> {
  const row = await findBudget(api.pool, id, seenBy(caller), api.clock.now());
  if (row === undefined) throw new ServiceError("not_found");
  return row;
}

/** @throws ServiceError not_found | forbidden_scope: the installation's ceiling on a tenant is seen by it and not changed */
async function requireManaged(api: Api, id: string, caller: Caller): Promise<void> {
  const row = await requireBudget(api, id, caller);
  if (!caller.installation && row.tenant_id !== caller.tenantId)
    throw new ServiceError("forbidden_scope", { detail: "This budget is the installation's." });
}

function listRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/budgets",
    name: "listBudgets",
    tag: "money",
    summary: "List budgets, newest first, each with its open window",
    about:
      "Your own and the installation's on your tenant. An installation key that acts for no tenant sees all.",
    access: { scope: "read" },
    query: z.strictObject({
      scope: z.enum(budgetScopes).optional(),
      target: target.optional(),
      ended: flag.default(false),
      ...pageQuery,
      after: idSchema.optional(),
    }),
    answers: { 200: { about: "A page.", schema: pageOf("budgets", budgetSchema) } },
    errors: [],
    async handle({ query, caller, origin }) {
      const now = api.clock.now();
      const rows = await listBudgets(
        api.pool,
        {
          tenantId: seenBy(caller),
          scope: query.scope ?? null,
          target: query.target ?? null,
          ended: query.ended,
          after: query.after ?? null,
          rowsMax: query.limit,
        },
        now,
      );
      const budgets = rows.map((row) => presentBudget(row, now, origin));
      const next = rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null;
      return { status: 200, body: { budgets, next } };
    },
  });
}

function getRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/budgets/{id}",
    name: "getBudget",
    tag: "money",
    summary: "Read one budget, also one that has ended",
    access: { scope: "read" },
    params: idParams,
    answers: { 200: { about: "The budget.", schema: budgetSchema } },
    errors: [],
    async handle({ params, caller, origin }) {
      const row = await requireBudget(api, params.id, caller);
      return { status: 200, body: presentBudget(row, api.clock.now(), origin) };
    },
  });
}

function createRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/budgets",
    name: "createBudget",
    tag: "money",
    summary: "Set a ceiling on a scope and a window",
    about:
      "Several may bind the same work; money is held in all of them or in none. Of one scope, target and kind of window there is " +
      "one budget a manager: your tenant, or the installation.",
    access: { scope: "admin" },
    body: newBudget,
    answers: { 201: { about: "The budget.", schema: budgetSchema } },
    errors: ["conflict", "queue_not_found", "type_not_found", "not_found"],
    async handle({ body, caller, origin }) {
      const aim = await budgetTarget(api, caller, body);
      const id = await createBudget(api, {
        ...aim,
        scope: body.scope,
        owner: body.owner ?? caller.actor,
        limitNano: body.limit_usd,
        window: body.window,
        timeZone: body.time_zone,
        whenBound: body.when_bound,
        reason: body.reason ?? null,
        actor: caller.actor,
      });
      const row = await findBudget(api.pool, id, null, api.clock.now());
      if (row === undefined) throw new ServiceError("not_found");
      return { status: 201, body: presentBudget(row, api.clock.now(), origin) };
    },
  });
}

function changeRoute(api: Api): Route {
  return defineRoute({
    method: "put",
    path: "/v1/budgets/{id}",
    name: "changeBudget",
    tag: "money",
    summary: "Change the limit, owner or rule of a budget",
    about:
      "A raise needs the scope admin and a reason, and lets waiting work go on at once. A limit below what is spent and held is " +
      "refused with the smallest possible one, or forced. Another window or time zone is another budget.",
    access: { scope: "operate" },
    params: idParams,
    body: budgetChange,
    answers: { 200: { about: "The budget as it is now.", schema: budgetSchema } },
    errors: ["budget_below_committed", "conflict"],
    async handle({ params, body, caller, origin }) {
      await requireManaged(api, params.id, caller);
      await changeBudget(api, {
        id: params.id,
        limitNano: body.limit_usd,
        owner: body.owner,
        whenBound: body.when_bound,
        force: body.force,
        mayRaise: mayDo(caller.scopes, "admin"),
        reason: body.reason ?? null,
        actor: caller.actor,
      });
      const row = await requireBudget(api, params.id, caller);
      return { status: 200, body: presentBudget(row, api.clock.now(), origin) };
    },
  });
}

function endRoute(api: Api): Route {
  return defineRoute({
    method: "delete",
    path: "/v1/budgets/{id}",
    name: "endBudget",
    tag: "money",
    summary: "End a budget: it binds nothing any more",
    about:
      "What is held settles into its windows. Work that no other budget covers waits, unless the installation allows it.",
    access: { scope: "admin" },
    params: idParams,
    query: z.strictObject({ reason: reasonText }),
    answers: { 204: { about: "It has ended." } },
    errors: ["conflict"],
    async handle({ params, query, caller }) {
      await requireManaged(api, params.id, caller);
      await endBudget(api, { id: params.id, reason: query.reason, actor: caller.actor });
      return { status: 204 };
    },
  });
}

function holdsRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/budgets/{id}/holds",
    name: "listHolds",
    tag: "money",
    summary: "List the open holds on a budget: what is in the way of other work",
    about:
      "In the order in which they were taken. A hold is open until its owner's end is booked, and closed once.",
    access: { scope: "read" },
    params: idParams,
    query: z.strictObject({ ...pageQuery, after: idSchema.optional() }),
    answers: { 200: { about: "A page.", schema: pageOf("holds", holdSchema) } },
    errors: [],
    async handle({ params, query, caller }) {
      await requireBudget(api, params.id, caller);
      const rows = await readHolds(api.pool, params.id, {
        after: query.after ?? null,
        rowsMax: query.limit,
      });
      const next = rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null;
      return { status: 200, body: { holds: rows.map(presentHold), next } };
    },
  });
}

export const budgetRoutes = (api: Api): Route[] => [
  listRoute(api),
  createRoute(api),
  getRoute(api),
  changeRoute(api),
  endRoute(api),
  holdsRoute(api),
];
