// Stops over REST. Who may stop what: a tenant's key its own tenant, queues and bulks; the installation's everything, and only the
// installation a job type or a model, which are everybody's. A stop belongs to who has set it, so a tenant does not lift what the
// installation has stopped.
import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { receiptDocument, stopDocument } from "../../control/stop-document.ts";
import { readReceipt } from "../../control/stop-receipt.ts";
import { resolveTarget } from "../../control/stop-target.ts";
import { lift, requireStop, stop } from "../../control/stops.ts";
import { ServiceError } from "../../domain/errors.ts";
import { flagScopes, type FlagScope, stopModes } from "../../domain/flag.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { listStops, type StopRow } from "../../postgres/stops.ts";
import type { Api } from "../api.ts";
import type { Caller } from "../caller.ts";
import { defineRoute, type Route } from "../route.ts";
import { idParams, idSchema, pageOf, pageQuery, usdSchema } from "../schemas.ts";
import { reasonText } from "../budgets/wish.ts";
import { ownerOf } from "./queues.ts";

const count = z.int().min(0);
const instant = z.iso.datetime();

const stopSchema = z
  .object({
    id: idSchema,
    state: z.enum(["stopping", "complete", "lifted"]),
    scope: z.enum(flagScopes),
    target: z.string().nullable(),
    mode: z.enum(stopModes),
    reason: z.string(),
    set_by: z.string(),
    set_at: instant,
    completed_at: instant.nullable(),
    lifted_by: z.string().nullable(),
    lifted_at: instant.nullable(),
  })
  .meta({ id: "Stop" });

const standings = ["not_sent", "creating", "doubtful", "to_cancel", "canceling", "goes_on", "ended"] as const;
const receiptSchema = stopSchema
  .extend({
    processes: z.array(
      z.object({
        id: z.string(),
        state: z.enum(["acknowledged", "ended", "again", "permission_ended", "unconfirmed"]),
        calls_in_flight: count,
        last_call_at: instant.nullable(),
        host: z.string().nullable(),
        pid: z.int().nullable(),
      }),
    ),
    unconfirmed: count,
    calls: z.object({ in_flight: count, aborted: count, aborted_usd: usdSchema }),
    batches: z.object({
      count: z.record(z.enum(standings), count),
      list: z.array(
        z.object({
          id: z.string(),
          provider_id: z.string().nullable(),
          standing: z.enum(standings),
          lines: count,
          cancel_asked_at: instant.nullable(),
          ended_at: instant.nullable(),
          may_still_cost_usd: usdSchema,
        }),
      ),
    }),
    jobs_waiting: count,
    may_still_cost_usd: usdSchema,
  })
  .meta({ id: "StopReceipt" });

const stopBody = z
  .strictObject({
    scope: z.enum(flagScopes),
    target: z.string().min(1).max(limits.keyCharsMax).optional().meta({
      description:
        "Name of the tenant, queue, job type or model, id of the bulk. Left out for global; a tenant's own key leaves it out for tenant.",
    }),
    shared: z.boolean().default(false).meta({ description: "The installation's queue of that name." }),
    mode: z.enum(stopModes).meta({
      description:
        "drain: what is under way ends. abort: calls are aborted. abort_and_cancel: message batches are canceled, too.",
    }),
    reason: reasonText,
  })
  .meta({ id: "StopWish" });
type StopBody = z.output<typeof stopBody>;

function setRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/stops",
    name: "setStop",
    tag: "stops",
    summary: "Stop everything in a scope, and get the receipt",
    about:
      "Nothing of the scope starts any more; read the receipt again until its state is complete. A stop that is open for the same scope and " +
      "target is answered, and made harder if this one is. Job types and models are everybody's: stopping one needs a key of the installation.",
    access: { scope: "operate" },
    body: stopBody,
    answers: {
      200: { about: "It was stopped already; the receipt of that stop.", schema: receiptSchema },
      201: { about: "The receipt so far.", schema: receiptSchema },
    },
    errors: ["not_found", "queue_not_found", "type_not_found"],
    async handle({ body, caller }) {
      const { scope, mode, reason } = body;
      const target = await targetOf(api, body, caller);
      const before = api.clock.now();
      const tenantId = holderOf(caller) ?? installationTenantId;
      const row = await stop(
        stopDeps(api),
        { scope, target, mode },
        { tenantId, actor: caller.actor, reason },
      );
      return { status: row.set_at < before ? 200 : 201, body: await receiptOf(api, row, caller) };
    },
  });
}

/** Whose stops a caller sees and lifts; null: everybody's. */
const holderOf = (caller: Caller): string | null => (caller.installation ? null : caller.tenantId);

const onlyInstallation: ReadonlySet<FlagScope> = new Set(["global", "job_type", "model"]);

/** @throws ServiceError forbidden_scope | invalid_input | not_found | queue_not_found | type_not_found */
async function targetOf(api: Api, { scope, target, shared }: StopBody, caller: Caller): Promise<string> {
  if (onlyInstallation.has(scope) && !caller.installation)
    throw new ServiceError("forbidden_scope", {
      detail: `Stopping a ${scope} needs a key of the installation.`,
    });
  // To a tenant's key every other tenant is unknown, whether it exists or not.
  if (scope === "tenant" && !caller.installation) {
    if (target !== undefined && target !== caller.tenantName)
      throw new ServiceError("not_found", { detail: "There is no such tenant." });
    return caller.tenantId;
  }
  const tenantId = scope === "queue" ? ownerOf(caller, shared) : holderOf(caller);
  return resolveTarget(api.pool, { scope, name: target, tenantId });
}

function readRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/stops/{id}",
    name: "getStop",
    tag: "stops",
    summary: "Read the receipt of a stop",
    about:
      "Per process whether it obeys; calls aborted and in flight; message batches and where they stand; jobs that wait; and the most that may " +
      "still be billed for what is at the provider. It goes on to change until everything has ended.",
    access: { scope: "read" },
    params: idParams,
    answers: { 200: { about: "The receipt.", schema: receiptSchema } },
    errors: ["not_found"],
    async handle({ params, caller }) {
      const row = await requireStop({ database: api.pool }, params.id, holderOf(caller));
      return { status: 200, body: await receiptOf(api, row, caller) };
    },
  });
}

function listRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/stops",
    name: "listStops",
    tag: "stops",
    summary: "List stops, the newest first",
    access: { scope: "read" },
    query: z.strictObject({
      ...pageQuery,
      after: idSchema.optional(),
      open: z.enum(["true", "false"]).default("false").meta({ description: "Only those in force." }),
    }),
    answers: { 200: { about: "A page.", schema: pageOf("stops", stopSchema) } },
    errors: [],
    async handle({ query, caller }) {
      const rows = await listStops(api.pool, holderOf(caller), {
        openOnly: query.open === "true",
        after: query.after ?? null,
        rowsMax: query.limit,
      });
      const next = rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null;
      return { status: 200, body: { stops: rows.map(stopDocument), next } };
    },
  });
}

function liftRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/stops/{id}/lift",
    name: "liftStop",
    tag: "stops",
    summary: "Lift a stop; its work comes back gently",
    about: "Message batches that were canceled stay so; their lines are sent again in new ones.",
    access: { scope: "admin" },
    params: idParams,
    body: z.strictObject({ reason: reasonText }).meta({ id: "Lift" }),
    answers: { 200: { about: "The receipt as it stands.", schema: receiptSchema } },
    errors: ["not_found"],
    async handle({ params, body, caller }) {
      const by = { tenantId: holderOf(caller), actor: caller.actor, reason: body.reason };
      const row = await lift(stopDeps(api), params.id, by);
      return { status: 200, body: await receiptOf(api, row, caller) };
    },
  });
}

const stopDeps = (api: Api) => ({ database: api.pool, log: api.log });

const receiptOf = async (api: Api, row: StopRow, caller: Caller) =>
  receiptDocument(await readReceipt(api.pool, row), { whole: caller.installation });

export const stopRoutes = (api: Api): Route[] => [
  setRoute(api),
  listRoute(api),
  readRoute(api),
  liftRoute(api),
];
