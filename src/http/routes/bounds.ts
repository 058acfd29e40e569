// What makes holds smaller, over REST: how far the counts of each model are believed, which caps follow from lengths of answers, and
// the acts that begin anew with what has switched itself off. Both are everybody's, so only the installation acts on them.
import { z } from "zod";
import { countMarginBpDefault, countMarginBpMax } from "../../domain/count-trust.ts";
import { renewSizes, renewTrust } from "../../money/bounds.ts";
import { readTrusts } from "../../postgres/count-trust.ts";
import { readSizes } from "../../postgres/right-sizes.ts";
import type { Api } from "../api.ts";
import { countSchema, presentCounts, presentSize, sizeSchema } from "../bounds.ts";
import { reasonText } from "../budgets/wish.ts";
import { defineRoute, type Route } from "../route.ts";

const boundsSchema = z
  .object({ counts: z.array(countSchema), right_sizes: z.array(sizeSchema) })
  .meta({ id: "Bounds" });

async function boundsOf(api: Api) {
  const trusts = await readTrusts(api.pool);
  const sizes = await readSizes(api.pool, null);
  return { counts: [...trusts.values()].map(presentCounts), right_sizes: sizes.map(presentSize) };
}

function readRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/bounds",
    name: "getBounds",
    tag: "bounds",
    summary: "Read what makes holds smaller than bytes and declared caps would",
    access: { scope: "read", installation: true },
    answers: { 200: { about: "Counts by model, caps by job type.", schema: boundsSchema } },
    errors: [],
    handle: async () => ({ status: 200, body: await boundsOf(api) }),
  });
}

const trustBody = z
  .strictObject({
    margin_pct: z
      .number()
      .min(0)
      .max(countMarginBpMax / 100)
      .default(countMarginBpDefault / 100)
      .meta({ description: "What is added to a count. The default is that of a model never seen before." }),
    reason: reasonText,
  })
  .meta({ id: "TrustWish" });

function trustRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/bounds/counts/{model}",
    name: "renewTrust",
    tag: "bounds",
    summary: "Begin anew with the counts of a model",
    about: "Its samples begin at none: holds are by bytes until enough bills agree with their counts again.",
    access: { scope: "admin", installation: true },
    params: z.strictObject({ model: z.string().min(1).max(100) }),
    body: trustBody,
    answers: { 200: { about: "How things stand now.", schema: boundsSchema } },
    errors: ["not_found"],
    async handle({ params, body, caller }) {
      await renewTrust(api, {
        model: params.model,
        marginBp: Math.round(body.margin_pct * 100),
        reason: body.reason,
        actor: caller.actor,
      });
      return { status: 200, body: await boundsOf(api) };
    },
  });
}

function sizeRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/bounds/right-sizes/{type}",
    name: "renewSizes",
    tag: "bounds",
    summary: "Let a job type be right-sized again",
    access: { scope: "admin", installation: true },
    params: z.strictObject({ type: z.string().min(1).max(64) }),
    body: z.strictObject({ reason: reasonText }).meta({ id: "SizeWish" }),
    answers: { 200: { about: "How things stand now.", schema: boundsSchema } },
    errors: ["not_found"],
    async handle({ params, body, caller }) {
      await renewSizes(api, { jobType: params.type, reason: body.reason, actor: caller.actor });
      return { status: 200, body: await boundsOf(api) };
    },
  });
}

export const boundRoutes = (api: Api): Route[] => [readRoute(api), trustRoute(api), sizeRoute(api)];
