// What can be done with a bulk that is there: try jobs again, delete its content, watch it.
import { z } from "zod";
import { readCaps } from "../../domain/caps.ts";
import { finalStates } from "../../domain/job.ts";
import { deleteBulk } from "../../intake/erase.ts";
import { readLabels } from "../../intake/line-schema.ts";
import { retryBulk } from "../../intake/retry.ts";
import type { Api } from "../api.ts";
import { requireRoom } from "../budgets/turn-away.ts";
import { runOnce } from "../replay.ts";
import { type Answer, defineRoute, type Route } from "../route.ts";
import { bulkSchema, idParams, submittedSchema } from "../schemas.ts";
import { streamEvents } from "../results/events.ts";
import { requireQueue, requireType } from "../target.ts";
import { requireBulk, requireContent } from "./bulks.ts";
import { outcomesQuery } from "./results.ts";
import { answerFor, noteAccepted } from "./submit-bulk.ts";

/** What a retry means where nothing is said: all that did not succeed, but for what was refused or rejected on its merits. */
const retriedByDefault = finalStates.filter(
  (state) => state !== "succeeded" && state !== "refused" && state !== "rejected",
);

function retryRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/bulks/{id}/retry",
    name: "retryBulk",
    tag: "bulks",
    summary: "Try jobs of a bulk again, as a new bulk",
    about:
      `Without outcome: ${retriedByDefault.join(", ")}. Each new job names its origin in retry_of and keeps its line and key; ` +
      "deadlines are not taken over.",
    access: { scope: "submit" },
    idempotent: true,
    params: idParams,
    query: z.strictObject({ outcome: outcomesQuery.optional() }),
    body: z.strictObject({}).optional(),
    answers: { 202: { about: "The new bulk.", schema: submittedSchema } },
    errors: [
      "conflict",
      "queue_not_found",
      "type_not_found",
      "invalid_lines",
      "cap_exceeded",
      "budget_bound",
      "too_many_requests",
    ],
    async handle(call) {
      const { caller, params, query, origin } = call;
      return runOnce(
        api.idempotency,
        { ...call, route: "POST /v1/bulks/{id}/retry", body: call.source },
        async (seal) => {
          const bulk = await requireContent(api, params.id, caller);
          const queue = await requireQueue(api, caller, bulk.queue_name);
          const labels = readLabels(bulk.labels) ?? {};
          const work = { queueId: queue.id, jobType: bulk.job_type, labels };
          const requireRoomFor = await requireRoom(api, caller, work);
          let answer: Answer = { status: 202 };
          const submitted = await retryBulk(
            api.intake,
            {
              tenantId: caller.tenantId,
              createdBy: caller.actor,
              queue,
              jobType: requireType(api, bulk.job_type),
              origin: { id: bulk.id, shared: bulk.shared, labels, caps: readCaps(bulk.caps) },
              outcomes: query.outcome ?? retriedByDefault,
            },
            async (client, done) => {
              await requireRoomFor(client, done.bulkId);
              answer = answerFor(done, origin);
              return seal(client, answer);
            },
          );
          noteAccepted(api, submitted, queue.id);
          return answer;
        },
      );
    },
  });
}

function deleteRoute(api: Api): Route {
  return defineRoute({
    method: "delete",
    path: "/v1/bulks/{id}",
    name: "deleteBulk",
    tag: "bulks",
    summary: "Delete what a bulk was given and answered",
    about:
      "Inputs, results, errors, keys and labels go; outcomes, times and the ledger stay. Cancel a running bulk first.",
    access: { scope: "operate" },
    params: idParams,
    answers: { 204: { about: "It is gone." } },
    errors: ["bulk_not_finished"],
    async handle({ params, caller }) {
      await deleteBulk(api, { id: params.id, tenantId: caller.tenantId }, caller.actor);
      return { status: 204 };
    },
  });
}

function eventsRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/bulks/{id}/events",
    name: "watchBulk",
    tag: "bulks",
    summary: "Watch a bulk: server-sent events",
    about:
      "`progress` with the bulk's counts and cost whenever they changed, at most once a second; `done` at the end.",
    access: { scope: "read" },
    params: idParams,
    answers: {
      200: { about: "Events whose data is the bulk.", schema: bulkSchema, mediaType: "text/event-stream" },
    },
    errors: ["too_many_requests"],
    async handle({ params, caller, response, origin }) {
      const { id } = await requireBulk(api, params.id, caller);
      const free = api.streams.take();
      try {
        await streamEvents(api, { id, tenantId: caller.tenantId }, { response, origin });
      } finally {
        free();
      }
      return undefined;
    },
  });
}

export const bulkActRoutes = (api: Api): Route[] => [retryRoute(api), deleteRoute(api), eventsRoute(api)];
