import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { ServiceError } from "../../domain/errors.ts";
import {
  deadlineSchema,
  labelPairSchema,
  type Labels,
  lineSchema,
  prioritySchema,
  urgencySchema,
} from "../../intake/line-schema.ts";
import { jsonLines, ndjsonLines } from "../../intake/read-upload.ts";
import { submit, type Submission, type Submitted } from "../../intake/submit.ts";
import type { Api } from "../api.ts";
import { type Body, readJson } from "../body.ts";
import { requireRoom } from "../budgets/turn-away.ts";
import { bulkLinks } from "../present.ts";
import { runOnce } from "../replay.ts";
import { type Answer, checkBody, defineRoute, type Route } from "../route.ts";
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
    answers: { 202: { about: "Accepted: it will run, whatever dies.", schema: submittedSchema } },
    errors: [
      "invalid_json",
      "invalid_lines",
      "invalid_input",
      "empty_upload",
      "upload_incomplete",
      "upload_too_large",
      "too_many_lines",
      "unsupported_media_type",
      "unsupported_encoding",
      "queue_not_found",
      "type_not_found",
      "budget_bound",
      "too_many_requests",
    ],
    async handle(call) {
      const { caller, origin, source } = call;
      requireMediaType(source);
      // A JSON body is held whole, several times its size once it is parsed: only so many at once.
      const free = source.mediaType === "application/json" ? api.jsonBulks.take() : () => undefined;
      return runOnce(api.idempotency, { ...call, route: "POST /v1/bulks", body: source }, async (seal) => {
        const target = await requireTarget(api, caller, { queue: call.query.queue, type: call.query.type });
        const labels = call.query.label ?? {};
        const work = { queueId: target.queue.id, jobType: target.jobType.name, labels };
        const requireRoomFor = await requireRoom(api, caller, work);
        const { urgency, deadline, priority, on_invalid: onInvalid } = call.query;
        const submission: Submission = {
          tenantId: caller.tenantId,
          createdBy: caller.actor,
          ...target,
          onInvalid,
          single: false,
          choices: { urgency, deadline, priority },
          labels,
          ...(await readForm(source, config)),
        };
        let answer: Answer = { status: 202 };
        const submitted = await submit(api.intake, submission, async (client, done) => {
          await requireRoomFor(client, done.bulkId);
          answer = answerFor(done, origin);
          return seal(client, answer);
        });
        noteAccepted(api, submitted, target.queue.id);
        return answer;
      }).finally(free);
    },
  });
}

/** Tells whoever shows bulks, and the log. */
export function noteAccepted(api: Api, { bulkId, accepted, invalid }: Submitted, queueId: string): void {
  api.log.event("bulk.accepted", { bulk: bulkId, queue: queueId, jobs: accepted, invalid });
  api.bulkAccepted?.(bulkId, queueId);
}

export function answerFor({ bulkId, accepted, invalid, errors }: Submitted, origin: string): Answer {
  const links = bulkLinks(origin, bulkId);
  return {
    status: 202,
    body: { id: bulkId, accepted, invalid, errors, links },
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
