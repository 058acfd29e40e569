import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { confirmBulk } from "../../control/approvals.ts";
import { cancelBulk } from "../../control/cancel.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { WaitReason } from "../../domain/job.ts";
import {
  findBulk,
  type FoundBulkRow,
  listBulks,
  type NextWaitingRow,
  readNextWaiting,
  readPace,
  readTallies,
} from "../../postgres/bulks.ts";
import { readOpenFlags } from "../../postgres/queues.ts";
import type { Api } from "../api.ts";
import { type MoneyWait, presentMoneyWait } from "../budgets/wait.ts";
import type { Caller } from "../caller.ts";
import { formatUsd } from "../../domain/money.ts";
import { etaOf, unlessHalted } from "../eta.ts";
import { flagWait } from "../flag-wait.ts";
import { iso, presentBulk } from "../present.ts";
import { defineRoute, type Route } from "../route.ts";
import {
  bulkDetailSchema,
  bulkSchema,
  idParams,
  idSchema,
  nameSchema,
  pageOf,
  pageQuery,
  usdSchema,
} from "../schemas.ts";
import { requireQueue } from "../target.ts";
import { cancelBody } from "./jobs.ts";
import { labelsQuery } from "./submit-bulk.ts";

/** @throws ServiceError not_found */
export async function requireBulk(api: Api, id: string, caller: Caller): Promise<FoundBulkRow> {
  const bulk = await findBulk(api.pool, id, caller.tenantId);
  if (bulk === undefined) throw new ServiceError("not_found");
  return bulk;
}

/** As requireBulk, for what is gone once the bulk was deleted. @throws ServiceError not_found */
export async function requireContent(api: Api, id: string, caller: Caller): Promise<FoundBulkRow> {
  const bulk = await requireBulk(api, id, caller);
  if (bulk.deleted_at !== null)
    throw new ServiceError("not_found", { detail: `It was deleted at ${bulk.deleted_at.toISOString()}.` });
  return bulk;
}

const flag = z.enum(["true", "false"]).transform((text) => text === "true");

function listRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/bulks",
    name: "listBulks",
    tag: "bulks",
    summary: "List bulks, newest first",
    access: { scope: "read" },
    query: z.strictObject({
      queue: nameSchema.optional(),
      label: labelsQuery.optional(),
      finished: flag.optional(),
      ...pageQuery,
      after: idSchema.optional(),
    }),
    answers: { 200: { about: "A page.", schema: pageOf("bulks", bulkSchema) } },
    errors: ["queue_not_found"],
    async handle({ query, caller, origin }) {
      const queue = query.queue === undefined ? null : await requireQueue(api, caller, query.queue);
      const rows = await listBulks(api.pool, caller.tenantId, {
        queueId: queue?.id ?? null,
        label: query.label === undefined ? null : JSON.stringify(query.label),
        finished: query.finished ?? null,
        after: query.after ?? null,
        rowsMax: query.limit,
      });
      const tallies = await readTallies(
        api.pool,
        rows.map((row) => row.id),
      );
      const bulks = rows.map((row) => presentBulk(row, tallies.get(row.id) ?? [], origin));
      return {
        status: 200,
        body: { bulks, next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null },
      };
    },
  });
}

function getRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/bulks/{id}",
    name: "getBulk",
    tag: "bulks",
    summary: "Read one bulk: counts, cost, progress, what it waits for",
    access: { scope: "read" },
    params: idParams,
    answers: { 200: { about: "The bulk.", schema: bulkDetailSchema } },
    errors: [],
    async handle({ params, caller, origin }) {
      const bulk = await requireBulk(api, params.id, caller);
      return { status: 200, body: await presentDetail(api, bulk, { caller, origin }) };
    },
  });
}

/** Everything is read at once: while the process works through a backlog, each answer of the database waits for its turn. */
async function presentDetail(
  api: Api,
  bulk: FoundBulkRow,
  { caller, origin }: { caller: Caller; origin: string },
): Promise<unknown> {
  const ended = bulk.finished_at !== null || bulk.deleted_at !== null;
  const [tallies, flags, heads, pace] = await Promise.all([
    readTallies(api.pool, [bulk.id]),
    ended
      ? []
      : readOpenFlags(api.pool, {
          queueIds: [bulk.queue_id],
          tenantIds: [caller.tenantId],
          jobTypes: [bulk.job_type],
          bulkIds: [bulk.id],
          models: true,
        }),
    ended ? [] : readNextWaiting(api.pool, bulk.id),
    ended ? null : readPace(api.pool, bulk.id, limits.paceOutcomesMax),
  ]);
  const own = tallies.get(bulk.id) ?? [];
  const shown = { ...presentBulk(bulk, own, origin), ...presentApproval(bulk) };
  if (shown.state === "finished" || shown.state === "deleted" || pace === null)
    return { ...shown, ...nothingWaits, eta: null };
  const waiting = own.some(({ state, jobs }) => state === "queued" && jobs > 0n);
  const eta = etaOf(pace, shown.progress, api.clock.now().getTime());
  if (!waiting) return { ...shown, ...nothingWaits, eta };
  const { head, ...wait } = waitOf(bulk, flags, heads);
  const money = head === null ? {} : await moneyWaitOf(api, bulk, head, { caller, origin });
  return { ...shown, ...wait, ...money, eta: unlessHalted(eta, wait.wait_reason) };
}

const presentApproval = ({
  worst_nano: worstNano,
  approval,
  approved_by: by,
  approved_at: at,
}: FoundBulkRow) => ({
  worst_usd: formatUsd(worstNano),
  approval: approval === null ? null : { state: approval, by, at: iso(at) },
});

interface Wait {
  wait_reason: WaitReason | null;
  wait_detail: string | null;
  wait_budgets: readonly unknown[];
}

const nothingWaits: Wait = { wait_reason: null, wait_detail: null, wait_budgets: [] };

/** A flag over the queue explains everything that waits; then a person whose word is missing; else what the next job waits for. */
function waitOf(
  bulk: FoundBulkRow,
  flags: Awaited<ReturnType<typeof readOpenFlags>>,
  heads: readonly NextWaitingRow[],
): Wait & { head: NextWaitingRow | null } {
  const models = heads.map(({ model }) => model);
  const flagged = flagWait(flags, models);
  if (flagged !== null) return { ...flagged, wait_budgets: [], head: null };
  if (bulk.approval === "waiting") {
    const detail = `its worst case of $${formatUsd(bulk.worst_nano)} needs a second person: POST /v1/bulks/${bulk.id}/approve`;
    return { wait_reason: "approval", wait_detail: detail, wait_budgets: [], head: null };
  }
  const next = heads.find(({ wait_reason }) => wait_reason !== null);
  const until = next?.not_before ?? null;
  return {
    wait_reason: next?.wait_reason ?? null,
    wait_detail: until === null ? null : `not before ${until.toISOString()}`,
    wait_budgets: [],
    head: next?.wait_reason === "budget" ? next : null,
  };
}

/** What the next job, which waits for money, is told. */
function moneyWaitOf(
  api: Api,
  bulk: FoundBulkRow,
  head: NextWaitingRow,
  { caller, origin }: { caller: Caller; origin: string },
): Promise<MoneyWait> {
  const work = {
    tenantId: caller.tenantId,
    queueId: bulk.queue_id,
    jobType: bulk.job_type,
    bulkId: bulk.id,
    labels: head.labels ?? JSON.stringify(bulk.labels),
    bounds: head,
  };
  return presentMoneyWait(api, work, caller, origin);
}

const canceled = z
  .object({
    id: idSchema,
    canceled: z.int(),
    running: z.int().meta({ description: "Of these, calls that were under way; they may still cost." }),
    message_batches_canceled: z.int(),
  })
  .meta({ id: "CanceledBulk" });

function cancelRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/bulks/{id}/cancel",
    name: "cancelBulk",
    tag: "bulks",
    summary: "Cancel every job of a bulk that has no outcome yet",
    access: { scope: "submit" },
    params: idParams,
    body: cancelBody,
    answers: { 200: { about: "What was canceled.", schema: canceled } },
    errors: ["bulk_finished"],
    async handle({ params, caller, body }) {
      const done = await cancelBulk(
        { database: api.pool, log: api.log },
        { id: params.id, tenantId: caller.tenantId, actor: caller.actor, reason: body?.reason ?? null },
      );
      return {
        status: 200,
        body: {
          id: params.id,
          canceled: done.canceled,
          running: done.running,
          message_batches_canceled: done.messageBatchesCanceled,
        },
      };
    },
  });
}

const approved = z
  .object({ id: idSchema, approved_by: z.string(), worst_usd: usdSchema })
  .meta({ id: "ApprovedBulk" });

function approveRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/bulks/{id}/approve",
    name: "approveBulk",
    tag: "bulks",
    summary: "Confirm a bulk whose worst case is above what its queue lets one person spend",
    about: "By a person's key, and not by the one who submitted it. Its work starts at once.",
    access: { scope: "operate" },
    params: idParams,
    body: cancelBody,
    answers: { 200: { about: "Confirmed.", schema: approved } },
    errors: ["approval_not_needed", "second_person_needed"],
    async handle({ params, caller, body }) {
      const bulk = await requireBulk(api, params.id, caller);
      const { tenantId, actor } = caller;
      await confirmBulk(api, bulk, { tenantId, actor, reason: body?.reason ?? null });
      return {
        status: 200,
        body: { id: bulk.id, approved_by: actor, worst_usd: formatUsd(bulk.worst_nano) },
      };
    },
  });
}

export const bulkRoutes = (api: Api): Route[] => [
  listRoute(api),
  getRoute(api),
  cancelRoute(api),
  approveRoute(api),
];
