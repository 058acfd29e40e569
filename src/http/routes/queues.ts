import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { mayDo } from "../../domain/access.ts";
import { windowKinds } from "../../domain/budget-window.ts";
import { ServiceError } from "../../domain/errors.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { printableText, urgencySchema } from "../../intake/line-schema.ts";
import { saveQueue } from "../../money/queue-settings.ts";
import { findQueue, listQueues, type Queue, type QueueSettings } from "../../postgres/queues.ts";
import type { Api } from "../api.ts";
import { reasonText, timeZoneText, usdText } from "../budgets/wish.ts";
import type { Caller } from "../caller.ts";
import { presentQueues, queueSchema } from "../queues/present.ts";
import { defineRoute, type Route } from "../route.ts";
import { nameParams, nameSchema, pageOf, pageQuery } from "../schemas.ts";
import { requireType } from "../target.ts";

const flag = z.enum(["true", "false"]).transform((text) => text === "true");
export const sharedQuery = z.strictObject({
  shared: flag
    .default(false)
    .meta({ description: "The installation's queue, not the tenant's own of that name." }),
});

const queueWish = z
  .strictObject({
    owner: printableText(200).optional(),
    shared: z.boolean().optional(),
    default_type: z.string().min(1).max(limits.nameCharsMax).nullish(),
    default_urgency: urgencySchema.nullish(),
    default_priority: z.int().min(0).max(9).nullish(),
    limits: z
      .strictObject({
        concurrency_max: z.int().min(1).max(1_000_000).nullish(),
        attempts_max: z.int().min(1).max(20).nullish(),
        job_age_max_s: z.int().min(60).max(7_776_000).nullish(),
      })
      .optional(),
    approve_above_usd: usdText.nullish().meta({
      description: "A bulk whose worst case is above it waits until a second person confirms it.",
    }),
    budget: z
      .strictObject({
        limit_usd: usdText,
        window: z.enum(windowKinds),
        time_zone: timeZoneText.default("UTC"),
      })
      .nullish()
      .meta({ description: "Replaces other windows that the owner has on the queue; null ends it." }),
    force: z
      .boolean()
      .default(false)
      .meta({ description: "Lowers the limit even below what is spent and held." }),
    reason: reasonText
      .optional()
      .meta({ description: "Needed to raise, replace or end a budget; the audit trail keeps it." }),
  })
  .meta({ id: "QueueWish", description: "Members that are left out keep their value; null clears." });
type QueueWish = z.output<typeof queueWish>;

const pageOfQueues = pageOf("queues", queueSchema);

function listRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/queues",
    name: "listQueues",
    tag: "queues",
    summary: "List the queues you can submit to: your own and the shared ones",
    access: { scope: "read" },
    query: z.strictObject({ ...pageQuery, after: nameSchema.optional() }),
    answers: { 200: { about: "A page.", schema: pageOfQueues } },
    errors: [],
    async handle({ query, caller }) {
      const page = { after: query.after ?? null, rowsMax: query.limit };
      const queues = await listQueues(api.pool, caller.tenantId, page);
      const next = queues.length === query.limit ? (queues.at(-1)?.name ?? null) : null;
      return { status: 200, body: { queues: await presentQueues(api, queues, caller), next } };
    },
  });
}

function getRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/queues/{name}",
    name: "getQueue",
    tag: "queues",
    summary: "Read one queue: settings, pause, backlog, budget",
    access: { scope: "read" },
    params: nameParams,
    query: sharedQuery,
    answers: { 200: { about: "The queue.", schema: queueSchema } },
    errors: ["queue_not_found"],
    async handle({ params, query, caller }) {
      const queue = await findQueue(api.pool, caller.tenantId, params.name, query.shared);
      if (queue === undefined) throw new ServiceError("queue_not_found");
      return { status: 200, body: (await presentQueues(api, [queue], caller))[0] };
    },
  });
}

/**
 * Whose queue is meant: a shared one is the installation's, and only its keys may touch it.
 * @throws ServiceError forbidden_scope
 */
export function ownerOf(caller: Caller, shared: boolean): string {
  if (!shared) return caller.tenantId;
  if (!caller.installation)
    throw new ServiceError("forbidden_scope", { detail: "Shared queues need a key of the installation." });
  return installationTenantId;
}

function putRoute(api: Api): Route {
  return defineRoute({
    method: "put",
    path: "/v1/queues/{name}",
    name: "putQueue",
    tag: "queues",
    summary: "Create or change a queue, its limits and its budget",
    about:
      "Settings need the scope operate; the budget and approve_above_usd need admin, and a reason where more may be spent than before. " +
      "Raising a limit lets waiting work go on at once.",
    access: { scope: "operate" },
    params: nameParams,
    query: sharedQuery,
    body: queueWish,
    answers: {
      200: { about: "The queue as it is now.", schema: queueSchema },
      201: { about: "The new queue.", schema: queueSchema },
    },
    errors: ["budget_below_committed", "conflict", "type_not_found"],
    async handle({ params, query, body, caller }) {
      if (
        (body.budget !== undefined || body.approve_above_usd !== undefined) &&
        !mayDo(caller.scopes, "admin")
      )
        throw new ServiceError("forbidden_scope", {
          detail: "A budget, and from where on a second person must confirm, need the scope admin.",
        });
      if (typeof body.default_type === "string") requireType(api, body.default_type);
      const tenantId = ownerOf(caller, query.shared || body.shared === true);
      const before = await findOwn(api, tenantId, params.name);
      const { created } = await saveQueue(api, {
        tenantId,
        name: params.name,
        settings: settingsOf(body, before, caller),
        budget: budgetOf(body),
        force: body.force,
        reason: body.reason ?? null,
        actor: caller.actor,
      });
      const queue = await findOwn(api, tenantId, params.name);
      if (queue === undefined) throw new ServiceError("queue_not_found");
      return { status: created ? 201 : 200, body: (await presentQueues(api, [queue], caller))[0] };
    },
  });
}

async function findOwn(api: Api, tenantId: string, name: string): Promise<Queue | undefined> {
  const queue = await findQueue(api.pool, tenantId, name);
  return queue?.tenantId === tenantId ? queue : undefined;
}

function settingsOf(wish: QueueWish, before: Queue | undefined, caller: Caller): QueueSettings {
  const own = wish.limits ?? {};
  return {
    owner: wish.owner ?? before?.owner ?? caller.actor,
    defaultType: kept(wish.default_type, before?.defaultType),
    defaultUrgency: kept(wish.default_urgency, before?.defaultUrgency),
    defaultPriority: kept(wish.default_priority, before?.defaultPriority),
    concurrencyMax: kept(own.concurrency_max, before?.concurrencyMax),
    attemptsMax: kept(own.attempts_max, before?.attemptsMax),
    jobAgeMaxS: kept(own.job_age_max_s, before?.jobAgeMaxS),
    approveAboveNano: kept(wish.approve_above_usd, before?.approveAboveNano),
  };
}

/** Left out keeps what was, null clears. */
const kept = <T>(wish: T | null | undefined, before: T | null | undefined): T | null =>
  wish === undefined ? (before ?? null) : wish;

function budgetOf({ budget }: QueueWish) {
  if (budget === null || budget === undefined) return budget;
  return { limitNano: budget.limit_usd, window: budget.window, timeZone: budget.time_zone };
}

export const queueRoutes = (api: Api): Route[] => [listRoute(api), getRoute(api), putRoute(api)];
