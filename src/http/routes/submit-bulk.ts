import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Lane } from "../../domain/job.ts";
import { formatUsd } from "../../domain/money.ts";
import {
  deadlineSchema,
  labelPairSchema,
  type Labels,
  lineSchema,
  prioritySchema,
  urgencySchema,
} from "../../intake/line-schema.ts";
import { jsonLines, ndjsonLines } from "../../intake/read-upload.ts";
import { quote, type Quote, redeemQuote } from "../../intake/quote.ts";
import { submit, type Submission, type Submitted } from "../../intake/submit.ts";
import { findBudget } from "../../postgres/budgets.ts";
import type { Api } from "../api.ts";
import { type Body, readJson } from "../body.ts";
import { capsQuery } from "../caps.ts";
import { requireRoom } from "../budgets/turn-away.ts";
import { bulkLinks } from "../present.ts";
import { runOnce } from "../replay.ts";
import { type Answer, checkBody, defineRoute, type Exchange, type Route } from "../route.ts";
import { quoteSchema } from "../quote-schema.ts";
import { nameSchema, submittedSchema } from "../schemas.ts";
import { requireTarget } from "../target.ts";

const ndjsonTypes = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
]);

/** One label or several: `?label=team:core&label=feature:search`. */
export const labelsQuery = z
  .union([labelPairSchema.transform((pair) => [pair]), z.array(labelPairSchema).max(limits.labelsMax)])
  .transform((pairs): Labels => Object.fromEntries(pairs.flatMap((pair) => Object.entries(pair))))
  .meta({ description: "name:value; may be given several times." });

const query = z.strictObject({
  queue: nameSchema.default("default"),
  type: z.string().min(1).max(limits.nameCharsMax).optional(),
  urgency: urgencySchema.optional(),
  deadline: deadlineSchema.optional(),
  priority: z.coerce.number().pipe(prioritySchema).optional(),
  on_invalid: z.enum(["reject", "skip"]).default("reject"),
  label: labelsQuery.optional(),
  cap: capsQuery.optional(),
  quote: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .default(false)
    .meta({ description: "Answers what it would cost and accepts nothing." }),
  quote_id: z
    .string()
    .max(limits.nameCharsMax)
    .optional()
    .meta({ description: "A quote of the same body: its worst case becomes the bulk's own ceiling." }),
});

const jsonForm = z.strictObject({ shared: z.unknown().optional(), jobs: z.array(z.unknown()) });
const jsonFormDoc = z
  .object({ shared: z.record(z.string(), z.unknown()).optional(), jobs: z.array(lineSchema) })
  .meta({ id: "BulkForm" });

/** `POST /v1/bulks`: many jobs at once. */
export function submitBulkRoute(api: Api): Route {
  const { config } = api;
  return defineRoute({
    method: "post",
    path: "/v1/bulks",
    name: "submitBulk",
    tag: "bulks",
    summary: "Submit many jobs",
    about:
      'NDJSON, one job a line, streamed and optionally gzipped; the first line may be {"shared": {…}}. Or a JSON object for ' +
      `up to ${limits.jsonJobsMax} jobs. Everything is committed before the answer. on_invalid=reject accepts all lines or none, ` +
      "skip accepts the valid ones and answers the others.",
    access: { scope: "submit" },
    idempotent: true,
    query,
    upload: { "application/x-ndjson": lineSchema, "application/json": jsonFormDoc },
    bodyBytesMax: (mediaType) =>
      ndjsonTypes.has(mediaType) ? config.uploadBytesMax : limits.jsonBulkBytesMax,
    answers: {
      200: { about: "A quote; nothing was accepted.", schema: quoteSchema },
      202: { about: "Accepted: it will run, whatever dies.", schema: submittedSchema },
    },
    errors: [
      "invalid_json",
      "invalid_lines",
      "invalid_input",
      "empty_upload",
      "cap_exceeded",
      "upload_incomplete",
      "upload_too_large",
      "too_many_lines",
      "unsupported_media_type",
      "unsupported_encoding",
      "queue_not_found",
      "type_not_found",
      "budget_bound",
      "too_many_requests",
      "quote_mismatch",
      "quote_used",
    ],
    async handle(call) {
      const { source } = call;
      requireMediaType(source);
      // A JSON body is held whole, several times its size once it is parsed: only so many at once.
      const free = source.mediaType === "application/json" ? api.jsonBulks.take() : () => undefined;
      const done = call.query.quote ? quoteOnly(api, call) : accept(api, call);
      return done.finally(free);
    },
  });
}

type Call = Exchange & { readonly query: z.output<typeof query>; readonly source: Body };

/** A quote changes nothing, so it may be asked for twice and needs no Idempotency-Key. */
async function quoteOnly(api: Api, call: Call): Promise<Answer> {
  if (call.query.quote_id !== undefined)
    throw new ServiceError("invalid_query", {
      fields: [{ field: "?quote_id", reason: "names a quote; it cannot be given where one is asked for" }],
    });
  const { requestsPerMinute } = api.config;
  const submission = await submissionOf(api, call);
  const quoted = await quote({ ...api.intake, requestsPerMinute }, submission, call.source.contentSha256);
  return { status: 200, body: { ...presentQuote(quoted), binding: await presentBinding(api, call, quoted) } };
}

function accept(api: Api, call: Call): Promise<Answer> {
  const { origin, source } = call;
  const quoteId = call.query.quote_id;
  return runOnce(api.idempotency, { ...call, route: "POST /v1/bulks", body: source }, async (seal) => {
    const submission = await submissionOf(api, call);
    const { queue, jobType, labels } = submission;
    const work = { queueId: queue.id, jobType: jobType.name, labels };
    const requireRoomFor = await requireRoom(api, call.caller, work);
    let answer: Answer = { status: 202 };
    const submitted = await submit(api.intake, submission, async (client, done) => {
      answer = answerFor(done, origin);
      const { bulkId } = done;
      await requireRoomFor(client, bulkId);
      if (quoteId !== undefined)
        await redeemQuote(api.intake, client, submission, {
          quoteId,
          bulkId,
          contentSha256: source.contentSha256(),
        });
      return seal(client, answer);
    });
    noteAccepted(api, submitted, submission.queue.id);
    return answer;
  });
}

async function submissionOf(api: Api, { caller, source, query: asked }: Call): Promise<Submission> {
  const target = await requireTarget(api, caller, { queue: asked.queue, type: asked.type });
  const { urgency, deadline, priority, on_invalid: onInvalid } = asked;
  return {
    tenantId: caller.tenantId,
    createdBy: caller.actor,
    ...target,
    onInvalid,
    single: false,
    choices: { urgency, deadline, priority },
    labels: asked.label ?? {},
    caps: asked.cap,
    ...(await readForm(source, api.config)),
  };
}

function presentQuote(quoted: Quote) {
  const { lanes, finishS, worstNano } = quoted;
  const load = (lane: Lane) => ({
    jobs: lanes[lane].jobs,
    worst_usd: formatUsd(lanes[lane].worstNano),
    finish_s: finishS[lane],
  });
  return {
    id: quoted.id,
    expires_at: quoted.expiresAt.toISOString(),
    accepted: quoted.accepted,
    invalid: quoted.invalid,
    errors: quoted.errors,
    worst_usd: formatUsd(worstNano),
    expected_usd: formatUsd(quoted.expectedNano),
    expected_from: quoted.samples,
    lanes: { realtime: load("realtime"), batch: load("batch") },
    needs_approval: quoted.needsApproval,
  };
}

/** The limit that binds. Of a budget that the caller may not see no figures: they would tell what others spend. */
async function presentBinding(api: Api, { caller }: Call, { binding, worstNano }: Quote): Promise<unknown> {
  if (binding.kind !== "budget") return { kind: binding.kind };
  const { kind, budgetId, availableNano } = binding;
  const seenBy = caller.installation ? null : caller.tenantId;
  if ((await findBudget(api.pool, budgetId, seenBy, api.clock.now())) === undefined)
    return { kind, budget: null, available_usd: null, short_usd: null };
  return {
    kind,
    budget: budgetId,
    available_usd: formatUsd(availableNano),
    short_usd: formatUsd(worstNano - availableNano),
  };
}

/** Tells whoever shows bulks, and the log. */
export function noteAccepted(api: Api, { bulkId, accepted, invalid }: Submitted, queueId: string): void {
  api.log.event("bulk.accepted", { bulk: bulkId, queue: queueId, jobs: accepted, invalid });
  api.bulkAccepted?.(bulkId, queueId);
}

export function answerFor(
  { bulkId, accepted, invalid, errors, approval }: Submitted,
  origin: string,
): Answer {
  const links = bulkLinks(origin, bulkId);
  return {
    status: 202,
    body: { id: bulkId, accepted, invalid, errors, approval, links },
    headers: { Location: links["self"] ?? "" },
  };
}

function requireMediaType({ mediaType }: Body): void {
  if (mediaType !== "application/json" && !ndjsonTypes.has(mediaType))
    throw new ServiceError("unsupported_media_type", { field: "Content-Type" });
}

async function readForm(
  body: Body,
  bounds: { uploadLinesMax: number; lineBytesMax: number },
): Promise<Pick<Submission, "lines" | "shared">> {
  if (body.mediaType !== "application/json") return { lines: ndjsonLines(body.chunks(), bounds) };
  const form = checkBody(jsonForm, await readJson(body));
  return { lines: jsonLines(form.jobs), shared: form.shared };
}
