import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { cancelJob } from "../../control/cancel.ts";
import { ServiceError } from "../../domain/errors.ts";
import { finalStates, openStates } from "../../domain/job.ts";
import { capsSchema } from "../../intake/caps.ts";
import {
  deadlineSchema,
  keySchema,
  labelsSchema,
  type LineFields,
  prioritySchema,
  urgencySchema,
} from "../../intake/line-schema.ts";
import { submit, type Submitted } from "../../intake/submit.ts";
import { findJob, type JobRow, listJobs, readAttempts } from "../../postgres/jobs-read.ts";
import { readOpenFlags } from "../../postgres/queues.ts";
import type { Api } from "../api.ts";
import { requireRoom } from "../budgets/turn-away.ts";
import { type MoneyWait, presentMoneyWait } from "../budgets/wait.ts";
import type { Caller } from "../caller.ts";
import { presentCredentialWait } from "../credential-wait.ts";
import { type FlagWait, flagWait } from "../flag-wait.ts";
import { presentJob, presentListedJob } from "../present.ts";
import { runOnce } from "../replay.ts";
import { type Answer, defineRoute, type Route } from "../route.ts";
import {
  idParams,
  idSchema,
  jobSchema,
  listedJobSchema,
  nameSchema,
  outcomeSchema,
  pageOf,
  pageQuery,
} from "../schemas.ts";
import { requireQueue, requireTarget } from "../target.ts";
import { labelsQuery, noteAccepted } from "./submit-bulk.ts";

const newJob = z
  .strictObject({
    type: z.string().min(1).max(limits.nameCharsMax).optional(),
    queue: nameSchema.default("default"),
    input: z.record(z.string(), z.unknown()),
    key: keySchema.nullish(),
    urgency: urgencySchema.nullish(),
    deadline: deadlineSchema.nullish(),
    priority: prioritySchema.nullish(),
    labels: labelsSchema.nullish(),
    caps: capsSchema.optional(),
  })
  .meta({ id: "NewJob" });

const acceptedJob = z
  .object({ id: idSchema, bulk: idSchema, links: z.object({ self: z.url(), bulk: z.url() }) })
  .meta({ id: "AcceptedJob" });

function submitJobRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/jobs",
    name: "submitJob",
    tag: "jobs",
    summary: "Submit one job",
    about: "A bulk of one. It runs now unless it names another urgency or a deadline itself.",
    access: { scope: "submit" },
    idempotent: true,
    body: newJob,
    bodyBytesMax: () => api.config.lineBytesMax,
    oneLine: true,
    answers: { 202: { about: "Accepted.", schema: acceptedJob } },
    errors: [
      "line_too_long",
      "unbounded_cost",
      "price_unknown",
      "cap_exceeded",
      "queue_not_found",
      "type_not_found",
      "budget_bound",
    ],
    async handle(call) {
      const { caller, body, origin } = call;
      return runOnce(
        api.idempotency,
        { ...call, route: "POST /v1/jobs", body: call.source },
        async (seal) => {
          const { queue, type, caps, ...fields } = body;
          const target = await requireTarget(api, caller, { queue, type });
          const requireRoomFor = await requireRoom(api, caller, {
            queueId: target.queue.id,
            jobType: target.jobType.name,
            labels: fields.labels ?? {},
          });
          let answer: Answer = { status: 202 };
          const submitted = await submit(
            api.intake,
            {
              tenantId: caller.tenantId,
              createdBy: caller.actor,
              ...target,
              onInvalid: "reject",
              single: true,
              choices: {},
              labels: {},
              caps,
              lines: oneLine(fields),
            },
            async (client, done) => {
              await requireRoomFor(client, done.bulkId);
              answer = answerFor(done, origin);
              return seal(client, answer);
            },
          );
          noteAccepted(api, submitted, target.queue.id);
          return answer;
        },
      );
    },
  });
}

async function* oneLine(fields: LineFields) {
  yield await Promise.resolve([{ kind: "job" as const, number: 1, fields }]);
}

function answerFor({ bulkId, jobId }: Submitted, origin: string): Answer {
  const links = { self: `${origin}/v1/jobs/${jobId}`, bulk: `${origin}/v1/bulks/${bulkId}` };
  return { status: 202, body: { id: jobId, bulk: bulkId, links }, headers: { Location: links.self } };
}

function getJobRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/jobs/{id}",
    name: "getJob",
    tag: "jobs",
    summary: "Read one job with its attempts and its result",
    access: { scope: "read" },
    params: idParams,
    answers: { 200: { about: "The job.", schema: jobSchema } },
    errors: [],
    async handle({ params, caller, origin }) {
      return { status: 200, body: await readJob(api, params.id, caller, origin) };
    },
  });
}

async function readJob(api: Api, id: string, caller: Caller, origin: string): Promise<unknown> {
  const job = await requireJob(api, id, caller);
  const attempts = await readAttempts(api.pool, id, caller.tenantId);
  const flagged = job.state === "queued" ? await flagWaitOf(api, job, caller) : null;
  if (flagged !== null) return { ...presentJob(job, attempts, origin, null), ...flagged };
  return presentJob(job, attempts, origin, await waitOf(api, job, caller, origin));
}

async function waitOf(api: Api, job: JobRow, caller: Caller, origin: string): Promise<MoneyWait | null> {
  if (job.state !== "queued") return null;
  if (job.wait_reason === "budget") return moneyWaitOf(api, job, caller, origin);
  return job.wait_reason === "credential" ? presentCredentialWait(api, job.model) : null;
}

/** What is over a job explains its waiting, whatever it waited for when it was last looked at. */
async function flagWaitOf(api: Api, job: JobRow, caller: Caller): Promise<FlagWait | null> {
  const flags = await readOpenFlags(api.pool, {
    queueIds: [job.queue_id],
    tenantIds: [caller.tenantId],
    jobTypes: [job.job_type],
    bulkIds: [job.bulk_id],
    models: true,
  });
  return flagWait(flags, [job.model]);
}

function moneyWaitOf(api: Api, job: JobRow, caller: Caller, origin: string): Promise<MoneyWait> {
  const work = {
    tenantId: caller.tenantId,
    queueId: job.queue_id,
    jobType: job.job_type,
    bulkId: job.bulk_id,
    labels: JSON.stringify(job.labels),
    bounds: job,
  };
  return presentMoneyWait(api, work, caller, origin);
}

async function requireJob(api: Api, id: string, caller: Caller): Promise<JobRow> {
  const job = await findJob(api.pool, id, caller.tenantId);
  if (job === undefined) throw new ServiceError("not_found");
  return job;
}

const canceledJob = acceptedJob
  .extend({ state: z.enum([...openStates, ...finalStates]) })
  .meta({ id: "CanceledJob" });

export const cancelBody = z
  .strictObject({ reason: z.string().trim().min(1).max(limits.reasonCharsMax).optional() })
  .optional();

function cancelJobRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/jobs/{id}/cancel",
    name: "cancelJob",
    tag: "jobs",
    summary: "Cancel one job",
    about: "What waits never starts. A call under way is told to stop; it may still cost.",
    access: { scope: "submit" },
    params: idParams,
    body: cancelBody,
    answers: { 200: { about: "The job as it is now.", schema: canceledJob } },
    errors: ["job_finished"],
    async handle({ params, caller, body, origin }) {
      await cancelJob(
        { database: api.pool, log: api.log },
        { id: params.id, tenantId: caller.tenantId, actor: caller.actor, reason: body?.reason ?? null },
      );
      const { id, bulk_id: bulk, state } = await requireJob(api, params.id, caller);
      const links = { self: `${origin}/v1/jobs/${id}`, bulk: `${origin}/v1/bulks/${bulk}` };
      return { status: 200, body: { id, bulk, state, links } };
    },
  });
}

const cursor = z
  .string()
  .regex(/^[0-9a-z]{26}\.\d{1,9}$/, { error: "must be the next of the page before" })
  .transform((text) => ({ bulkId: text.slice(0, 26), line: Number(text.slice(27)) }));

const listQuery = z.strictObject({
  queue: nameSchema.optional(),
  bulk: idSchema.optional(),
  state: z.enum([...openStates, ...finalStates]).optional(),
  outcome: outcomeSchema.optional(),
  label: labelsQuery.optional(),
  ...pageQuery,
  after: cursor.optional(),
});

function listJobsRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/jobs",
    name: "listJobs",
    tag: "jobs",
    summary: "List jobs, the newest bulk first, inside a bulk by line",
    access: { scope: "read" },
    query: listQuery,
    answers: { 200: { about: "A page.", schema: pageOf("jobs", listedJobSchema) } },
    errors: ["queue_not_found"],
    async handle({ query, caller, origin }) {
      const queue = query.queue === undefined ? null : await requireQueue(api, caller, query.queue);
      const rows = await listJobs(api.pool, caller.tenantId, {
        queueId: queue?.id ?? null,
        bulkId: query.bulk ?? null,
        states: statesOf(query),
        label: query.label === undefined ? null : JSON.stringify(query.label),
        after: query.after ?? null,
        rowsMax: query.limit,
      });
      const last = rows.length === query.limit ? rows.at(-1) : undefined;
      const next = last === undefined ? null : `${last.bulk_id}.${last.line}`;
      return { status: 200, body: { jobs: rows.map((row) => presentListedJob(row, origin)), next } };
    },
  });
}

/** State and outcome are one column: both given, a job must be in both. */
function statesOf({ state, outcome }: z.output<typeof listQuery>): string[] | null {
  if (state === undefined) return outcome === undefined ? null : [outcome];
  return outcome === undefined || outcome === state ? [state] : [];
}

export const jobRoutes = (api: Api): Route[] => [
  submitJobRoute(api),
  listJobsRoute(api),
  getJobRoute(api),
  cancelJobRoute(api),
];
