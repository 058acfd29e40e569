// The shapes of what callers send beside uploads, and of everything the API answers. Answers are described for /openapi.json and
// checked by the tests; nothing is validated on the way out.
import { z } from "zod";
import { limits } from "../config/limits.ts";
import { holderKinds, scopes } from "../domain/access.ts";
import { budgetScopes } from "../domain/budget.ts";
import { windowKinds } from "../domain/budget-window.ts";
import { errorCatalogue } from "../domain/errors.ts";
import { isId } from "../domain/ids.ts";
import { capsLeft, shownCaps } from "./caps.ts";
import { faults, finalStates, lanes, openStates, waitReasons } from "../domain/job.ts";

export const idSchema = z
  .string()
  .refine(isId, { error: "must be an id" })
  .meta({ id: "Id", description: "A lower-case ULID.", examples: ["01jd3v2f0000000000000000"] });
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
  .meta({ id: "Name" });
export const usdSchema = z
  .string()
  .regex(/^-?\d+\.\d{2,9}$/)
  .meta({ id: "Usd", description: "Dollars as an exact decimal string.", examples: ["12.50"] });
export const instantSchema = z.iso.datetime().meta({ id: "Instant", description: "RFC 3339, in UTC." });
const labels = z.record(z.string(), z.string()).meta({ id: "Labels" });
const count = z.int().min(0);

export const idParams = z.strictObject({ id: idSchema });
export const nameParams = z.strictObject({ name: nameSchema });

const state = z.enum([...openStates, ...finalStates]).meta({ id: "State" });
export const outcomeSchema = z.enum(finalStates).meta({ id: "Outcome" });
const lane = z.enum(lanes).meta({ id: "Lane" });
const urgency = z.enum(["now", "whenever"]).meta({ id: "Urgency" });

/** How many rows a page has, and after which it begins. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(limits.pageRowsMax).default(limits.pageRowsDefault),
};

export const lineErrorSchema = z
  .object({ line: count.optional(), field: z.string(), reason: z.string() })
  .meta({ id: "FieldError", description: "What is wrong: where, and why." });

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.enum(Object.fromEntries(Object.keys(errorCatalogue).map((code) => [code, code]))),
    hint: z.string(),
    retryable: z.boolean(),
    errors: z.array(lineErrorSchema).optional(),
    request_id: z.string(),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details." });

const bulkLinks = z.object({
  self: z.url(),
  results: z.url(),
  events: z.url(),
  errors: z.url(),
  jobs: z.url(),
});

export const submittedSchema = z
  .object({
    id: idSchema,
    accepted: count,
    invalid: count,
    errors: z.array(lineErrorSchema),
    approval: z.literal("waiting").nullable().meta({
      description: "waiting: nothing of it starts before another person has confirmed it.",
    }),
    links: bulkLinks,
  })
  .meta({ id: "Submitted" });

export const bulkSchema = z
  .object({
    id: idSchema,
    queue: z.string(),
    type: z.string(),
    state: z.enum(["running", "canceling", "finished", "deleted"]),
    labels,
    on_invalid: z.enum(["reject", "skip"]),
    accepted: count,
    invalid: count,
    single: z.boolean(),
    retry_of: idSchema.nullable(),
    caps: shownCaps,
    caps_left: capsLeft,
    created_by: z.string(),
    created_at: instantSchema,
    expires_at: instantSchema,
    canceled_at: instantSchema.nullable(),
    finished_at: instantSchema.nullable(),
    deleted_at: instantSchema.nullable(),
    counts: z.object({
      state: z.partialRecord(state, count),
      outcome: z.partialRecord(outcomeSchema, count),
      lane: z.partialRecord(lane, count),
    }),
    progress: z.object({ done: count, total: count, percent: z.number().min(0).max(100) }),
    cost_usd: usdSchema,
    presumed_usd: usdSchema,
    realtime_only_usd: usdSchema,
    saved_usd: usdSchema,
    saved_pct: z.number(),
    links: bulkLinks,
  })
  .meta({ id: "Bulk" });

const budgetInTheWay = z
  .object({
    id: z.string().nullable(),
    scope: z.enum(budgetScopes),
    target: z.string().nullable(),
    window: z.enum(windowKinds),
    ends_at: instantSchema.nullable(),
    wanted_usd: usdSchema,
    available_usd: usdSchema.nullable(),
    held_usd: usdSchema.nullable(),
    holds: z.url().nullable().meta({ description: "Where the holds in the way are listed." }),
  })
  .meta({
    id: "BudgetInTheWay",
    description: "A ceiling without room. Of one that you may not see only its kind is told.",
  });

const waiting = {
  wait_detail: z.string().nullable().meta({ description: "The wait reason, in words." }),
  wait_budgets: z.array(budgetInTheWay).meta({ description: "For wait_reason budget: what has no room." }),
};

export const bulkDetailSchema = bulkSchema
  .extend({
    worst_usd: usdSchema.meta({
      description: "One attempt of every line at its worst, by the prices of its submission.",
    }),
    approval: z
      .object({
        state: z.enum(["waiting", "approved"]),
        by: z.string().nullable(),
        at: instantSchema.nullable(),
      })
      .nullable()
      .meta({ description: "null: it needed none." }),
    wait_reason: z.enum(waitReasons).nullable(),
    ...waiting,
    eta: z
      .object({ finish_at: instantSchema, jobs_per_s: z.number() })
      .nullable()
      .meta({ description: "From the pace of the last outcomes; null while there is none." }),
  })
  .meta({ id: "BulkDetail" });

const failure = z
  .object({ code: z.string(), fault: z.enum(faults), reason: z.string().nullable() })
  .meta({ id: "Failure" });

const answered = {
  outcome: outcomeSchema.nullable(),
  output: z.unknown().meta({ description: "What the job type promises; null without a result." }),
  confidence: z.number().nullable(),
  abstained: z.enum(["uncertain", "out_of_scope", "ambiguous", "no_answer"]).nullable(),
  decided_by: z.enum(["model", "person", "static", "cache"]).nullable(),
  reason: z.string().nullable().meta({
    description:
      "Why it ended so: what made an answer invalid, the category of a refusal, why the model abstained. Never the answer's text.",
  }),
  failure: failure.nullable(),
  cost_usd: usdSchema,
};

export const resultSchema = z
  .object({ line: count, key: z.string().nullable(), job_id: idSchema, ...answered, attempts: count })
  .meta({ id: "Result" });

export const listedJobSchema = z
  .object({
    id: idSchema,
    bulk: idSchema,
    queue: z.string(),
    line: count,
    key: z.string().nullable(),
    type: z.string(),
    lane,
    urgency,
    deadline: instantSchema.nullable(),
    priority: count,
    labels,
    state,
    outcome: outcomeSchema.nullable(),
    wait_reason: z.enum(waitReasons).nullable(),
    failure: failure.nullable(),
    attempts_paid: count,
    retry_of: idSchema.nullable(),
    cost_usd: usdSchema,
    created_at: instantSchema,
    finished_at: instantSchema.nullable(),
    links: z.object({ self: z.url(), bulk: z.url() }),
  })
  .meta({ id: "ListedJob" });

const milliseconds = z.number().nullable();
const attemptSchema = z
  .object({
    no: count,
    lane,
    state: z.enum(["open", "settled", "presumed", "unpaid"]),
    outcome: z.string().nullable(),
    retry_reason: z.string().nullable(),
    message_batch: z.string().nullable(),
    type: z.string(),
    prompt_version: count,
    model: z.string(),
    request_sha256: z.string(),
    request_bytes: count,
    prompt_masked: z.string().nullable(),
    answer_sha256: z.string().nullable(),
    answer_masked: z.string().nullable(),
    http_status: z.int().nullable(),
    error_type: z.string().nullable(),
    request_id: z.string().nullable(),
    stop_reason: z.string().nullable(),
    usage: z.unknown(),
    input_tokens_max: count.nullable().meta({ description: "The input its hold was computed from." }),
    max_tokens: count.nullable().meta({
      description: "The cap it was held and sent with; below the type's own where that is right-sized.",
    }),
    worst_usd: usdSchema,
    cost_usd: usdSchema.nullable(),
    realtime_only_usd: usdSchema.nullable(),
    price: z.string(),
    guard_verdict: z.string(),
    late: z.boolean(),
    queued_at: instantSchema,
    sent_at: instantSchema.nullable(),
    answered_at: instantSchema.nullable(),
    recorded_at: instantSchema.nullable(),
    times_ms: z.object({
      queued: milliseconds,
      dispatched: milliseconds,
      prepared: milliseconds,
      provider: milliseconds,
      recorded: milliseconds,
    }),
  })
  .meta({ id: "Attempt", description: "One try at the provider: the trace of a job, and its audit source." });

export const jobSchema = listedJobSchema
  .extend({
    ...answered,
    ...waiting,
    downgraded_at: instantSchema
      .nullable()
      .meta({ description: "When a ceiling sent it from the realtime to the batch lane." }),
    model: z.string(),
    prompt_version: count,
    attempts_max: count,
    tries: count,
    continuations: count.meta({ description: "Paused answers that were sent back to be gone on with." }),
    retry_reason: z.string().nullable(),
    not_before: instantSchema.nullable(),
    expires_at: instantSchema,
    cancel_requested_at: instantSchema.nullable(),
    presumed_usd: usdSchema,
    realtime_only_usd: usdSchema,
    attempts: z.array(attemptSchema),
  })
  .meta({ id: "Job" });

export const keySchema = z
  .object({
    id: idSchema,
    tenant: z.string(),
    holder: z.object({ kind: z.enum(holderKinds), name: z.string() }),
    scopes: z.array(z.enum(scopes)),
    secret_hint: z.string(),
    created_by: z.string(),
    created_at: instantSchema,
    revoked_by: z.string().nullable(),
    revoked_at: instantSchema.nullable(),
  })
  .meta({ id: "Key" });

export const tenantSchema = z
  .object({ id: z.string(), name: z.string(), created_at: instantSchema })
  .meta({ id: "Tenant" });

/** A page of rows under a name of their own; `next` is the `after` of the next page. */
export const pageOf = (name: string, schema: z.ZodType) =>
  z.object({ [name]: z.array(schema), next: z.string().nullable() });
